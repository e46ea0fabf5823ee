// SPDX-License-Identifier: Apache-2.0
#include "engine/score_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
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

std::vector<float> normal_scores(std::size_t size, float width) {
  base::SplitMix64 random(size);
  std::vector<float> scores(size);
  for (float& score : scores) {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) {
      sum += random.uniform();
    }
    score = width * static_cast<float>(sum);
  }
  return scores;
}

// All that kernels say of a row.
template <cpu::Isa isa>
std::vector<double> results(const std::vector<float>& scores) {
  const std::int64_t size = std::ssize(scores);
  const float best = kernels::best_score<isa>(scores.data(), size);
  std::vector<float> weights(scores.size());
  ScoreRow row{.scores = scores.data(), .weights = nullptr, .size = size};
  kernels::weights_beside<isa>(best, row, weights.data());
  row.weights = weights.data();
  const float limits[3] = {best - 1.0f, best - 3.0f, kForbidden};
  ScoresAbove above[3];
  kernels::estimate_above<isa>(limits, row, above);
  std::vector<double> all(weights.begin(), weights.end());
  for (const ScoresAbove& each : above) {
    all.push_back(each.mass);
    all.push_back(static_cast<double>(each.count));
  }
  std::vector<std::int32_t> ids(scores.size(), -1);
  kernels::ids_between<isa>(limits[1], limits[0], row, ids.data());
  all.insert(all.end(), ids.begin(), ids.end());
  std::vector<float> cut = scores;
  kernels::forbid_up_to<isa>(limits[1], cut.data(), size);
  all.insert(all.end(), cut.begin(), cut.end());
  all.insert(all.end(), {best, kernels::sum_of<isa>(weights.data(), size),
                         kernels::mass_above<isa>(limits[0], row),
                         static_cast<double>(kernels::first_at<isa>(best, scores.data(), size)),
                         static_cast<double>(kernels::count_above<isa>(best, scores.data(), size)),
                         kernels::are_usable<isa>(scores.data(), size) ? 1.0 : 0.0});
  return all;
}

TEST(ScoreKernels, GiveTheSameBitsWithEveryInstructionSet) {
  for (const std::size_t size : {1U, 15U, 63U, 64U, 257U, 5000U}) {
    std::vector<float> scores = normal_scores(size, 2.0f);
    scores[size / 2] = size > 1 ? kForbidden : 1.0f;
    const std::vector<double> expected = results<cpu::Isa::kScalar>(scores);
    for (const cpu::Isa isa : cpu::kIsas) {
      if (cpu::can_run(isa)) {
        const std::vector<double> found =
            cpu::visit_isa(isa, [&]<cpu::Isa chosen>() { return results<chosen>(scores); });
        EXPECT_EQ(found, expected) << cpu::isa_name(isa) << " " << size;
      }
    }
  }
}

TEST(FindEdge, HasTheScoresThatSortingPutsThere) {
  for (const float width : {0.0f, 1e-3f, 1.0f, 40.0f, 1e30f}) {
    std::vector<float> scores = normal_scores(3001, width);
    scores[17] = kForbidden;
    scores[100] = scores[200];
    std::vector<float> sorted = scores;
    std::ranges::sort(sorted, std::greater<>());
    const ScoreRow row{.scores = scores.data(), .weights = nullptr, .size = std::ssize(scores)};
    for (const std::int64_t k : {1, 2, 40, 2999, 3000}) {
      const auto edge = find_edge(row, {.count = k});
      ASSERT_TRUE(edge) << width << " " << k;
      const auto place = static_cast<std::size_t>(k - 1 - edge->before.count);
      ASSERT_LT(place, edge->ids.size());
      EXPECT_EQ(scores[static_cast<std::size_t>(edge->ids[place])],
                sorted[static_cast<std::size_t>(k - 1)])
          << width << " " << k;
      EXPECT_LT(edge->below, scores[static_cast<std::size_t>(edge->ids.back())]);
    }
    EXPECT_FALSE(find_edge(row, {.count = 3001}));
  }
}

}  // namespace
}  // namespace minimax::engine
