// SPDX-License-Identifier: Apache-2.0
#include "engine/divergence.h"

#include <gtest/gtest.h>

#include <cmath>

namespace minimax::engine {
namespace {

// Sums of a few float64 terms of size one.
constexpr double kTolerance = 1e-12;

// Logits that give these probabilities, moved up by 7: float32, hence the wider tolerance there.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) {
    logits.push_back(static_cast<float>(std::log(p) + 7.0));
  }
  return logits;
}
constexpr double kFloatTolerance = 1e-6;

TEST(MeanOf, HasTheStandardErrorOfTheMean) {
  const std::vector<double> values = {1, 2, 3, 6};
  const Estimate estimate = mean_of(values);
  EXPECT_NEAR(estimate.value, 3, kTolerance);
  // Variance (4 + 1 + 0 + 9) / 3, over 4 values.
  EXPECT_NEAR(estimate.error, std::sqrt(14.0 / 3.0 / 4.0), kTolerance);
  EXPECT_EQ(mean_of(std::vector<double>{5}).error, 0);
}

TEST(Quantile, LiesBetweenNeighbours) {
  const std::vector<double> sorted = {0, 1, 4};
  EXPECT_EQ(quantile(sorted, 0), 0);
  EXPECT_EQ(quantile(sorted, 0.5), 1);
  EXPECT_EQ(quantile(sorted, 0.75), 2.5);
  EXPECT_EQ(quantile(sorted, 1), 4);
}

TEST(ScoreToken, IsTheNegativeLogProbability) {
  const std::vector<float> logits = logits_of({0.5, 0.125, 0.375});
  EXPECT_NEAR(score_token(logits, 1).nll, std::log(8.0), kFloatTolerance);
}

TEST(ScoreToken, ComparesWithABase) {
  const std::vector<float> logits = logits_of({0.5, 0.25, 0.25});
  const std::vector<float> base = logits_of({0.25, 0.25, 0.5});
  const TokenScore score = score_token(logits, base, 0);
  EXPECT_NEAR(score.nll, std::log(2.0), kFloatTolerance);
  EXPECT_NEAR(score.base_nll, std::log(4.0), kFloatTolerance);
  // 1/4 log(1/2) + 1/4 log 1 + 1/2 log 2
  EXPECT_NEAR(score.kl, 0.25 * std::log(2.0), kFloatTolerance);
  EXPECT_FALSE(score.same_top);
}

TEST(ScoreToken, FindsNothingBetweenEquals) {
  const std::vector<float> logits = logits_of({0.125, 0.5, 0.375});
  const TokenScore score = score_token(logits, logits, 2);
  EXPECT_NEAR(score.kl, 0, kTolerance);
  EXPECT_TRUE(score.same_top);
}

TEST(Compare, PutsErrorsOfTheTwoTogether) {
  // The model is worse by log 2 at every token: certain, although the text varies.
  std::vector<TokenScore> scores;
  for (const double nll : {0.5, 1.0, 2.5, 4.0}) {
    scores.push_back({.nll = nll + std::log(2.0), .base_nll = nll, .kl = nll, .same_top = nll < 2});
  }
  const Divergence result = compare(scores);
  EXPECT_NEAR(result.base_perplexity.value, std::exp(2.0), kTolerance);
  EXPECT_GT(result.base_perplexity.error, 1);
  EXPECT_NEAR(result.log_ratio.value, std::log(2.0), kTolerance);
  EXPECT_NEAR(result.log_ratio.error, 0, kTolerance);
  EXPECT_NEAR(result.ratio.value, 2, kTolerance);
  EXPECT_NEAR(result.difference.value, std::exp(2.0), 1e-11);
  EXPECT_NEAR(result.difference.error, result.base_perplexity.error, 1e-11);
  EXPECT_NEAR(result.correlation, 1, kTolerance);
  EXPECT_NEAR(result.kl.value, 2, kTolerance);
  EXPECT_NEAR(quantile(result.kl_sorted, 0.5), 1.75, kTolerance);
  EXPECT_NEAR(result.same_top.value, 0.5, kTolerance);
  // sqrt(p (1 - p) / (n - 1))
  EXPECT_NEAR(result.same_top.error, std::sqrt(0.25 / 3), kTolerance);
  EXPECT_NEAR(result.changes_sorted.front(), -0.5 * std::exp(-0.5), kTolerance);
}

}  // namespace
}  // namespace minimax::engine
