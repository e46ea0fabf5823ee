// SPDX-License-Identifier: Apache-2.0
#include "engine/score_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "engine/logits_processors.h"

namespace minimax::engine {
namespace {

TEST(WeightsBeside, AreThoseOfDoublePrecision) {
  std::vector<float> scores;
  for (int i = 0; i <= 80000; ++i) {
    scores.push_back(3.0f - static_cast<float>(i) * 1e-3f);
  }
  const std::vector<float> weights = weights_beside(3.0f, scores);
  EXPECT_EQ(weights[0], 1.0f);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double expected = std::exp(double{scores[i] - 3.0f});
    ASSERT_NEAR(weights[i], expected, 3e-7 * expected) << scores[i];
  }
}

TEST(WeightsBeside, AreNothingForWhatIsForbiddenOrHopeless) {
  const std::vector<float> scores = {kForbidden, 0.0f, -86.0f, -90.0f, -3e38f};
  const std::vector<float> weights = weights_beside(0.0f, scores);
  EXPECT_EQ(weights[0], 0.0f);
  EXPECT_EQ(weights[1], 1.0f);
  EXPECT_GT(weights[2], 0.0f);
  EXPECT_EQ(weights[3], 0.0f);
  EXPECT_EQ(weights[4], 0.0f);
}

TEST(BestScore, IsFoundAnywhere) {
  for (const std::size_t size : {1U, 15U, 16U, 17U, 100U}) {
    for (std::size_t best = 0; best < size; ++best) {
      std::vector<float> scores(size, -7.0f);
      scores[best] = -2.0f;
      ASSERT_EQ(best_score(scores), -2.0f) << size << " " << best;
    }
  }
}

TEST(FindInSums, AgreesWithAddingOneByOne) {
  base::SplitMix64 random(3);
  std::vector<float> weights(1000);
  for (float& weight : weights) {
    weight = random.next() % 3 == 0 ? 0.0f : static_cast<float>(random.next() % 8);  // exact sums
  }
  const double total = sum_of(weights);
  double passed = 0.0;
  for (std::size_t id = 0; id < weights.size(); ++id) {
    if (weights[id] > 0.0f) {
      ASSERT_EQ(find_in_sums(passed, weights), id);
      ASSERT_EQ(find_in_sums(passed + double{weights[id]} - 0.5, weights), id);
    }
    passed += double{weights[id]};
  }
  EXPECT_EQ(passed, total);
  EXPECT_EQ(weights[find_in_sums(total, weights)], 7.0f);  // nothing is left: the greatest
}

TEST(AreUsable, RefusesWhatIsNoNumber) {
  std::vector<float> scores(100, 1.0f);
  scores[7] = kForbidden;
  EXPECT_TRUE(are_usable(scores));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    scores[63] = bad;
    EXPECT_FALSE(are_usable(scores));
  }
}

}  // namespace
}  // namespace minimax::engine
