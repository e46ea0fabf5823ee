// SPDX-License-Identifier: Apache-2.0
#include "engine/losses.h"

#include <gtest/gtest.h>

#include <cmath>

#include "minimax/error.h"

namespace minimax::engine {
namespace {

// Losses are rounded to float32 at the end.
constexpr double kTolerance = 1e-6;

TEST(CrossEntropy, IsTheMeanOverRowsThatCount) {
  const std::vector<float> logits = {0, std::log(3.0F), 5, 5, 1, 2};
  const std::vector<std::int32_t> labels = {1, -100, 0};
  const double expected = (std::log(4.0 / 3.0) + std::log(1.0 + std::exp(1.0))) / 2;
  EXPECT_NEAR(cross_entropy(logits, labels, -100), expected, kTolerance);
}

TEST(CrossEntropy, IsNotANumberWhereNothingCounts) {
  const std::vector<float> logits = {0, 1};
  EXPECT_TRUE(std::isnan(cross_entropy(logits, std::vector<std::int32_t>{-100}, -100)));
}

TEST(CrossEntropy, RefusesLabelsThatAreNoColumns) {
  const std::vector<float> logits = {0, 1};
  for (const std::int32_t label : {-1, 2, 1 << 30}) {
    EXPECT_THROW(cross_entropy(logits, std::vector<std::int32_t>{label}, -100), Error) << label;
  }
}

TEST(CrossEntropy, StaysExactForLargeLogits) {
  const std::vector<float> logits = {3e38F, 0};
  EXPECT_EQ(cross_entropy(logits, std::vector<std::int32_t>{0}, -100), 0);
}

TEST(MeanSquaredError, IsTheMeanOfSquares) {
  EXPECT_FLOAT_EQ(mean_squared_error(std::vector<float>{1, 4}, std::vector<float>{2, 2}), 2.5F);
  EXPECT_THROW(mean_squared_error(std::vector<float>{1, 4}, std::vector<float>{2}), Error);
}

TEST(BinaryCrossEntropy, StaysFiniteForLargeLogits) {
  EXPECT_NEAR(binary_cross_entropy(std::vector<float>{0, 1e30F}, std::vector<float>{1, 1}),
              std::log(2.0) / 2, kTolerance);
  EXPECT_FLOAT_EQ(binary_cross_entropy(std::vector<float>{-80}, std::vector<float>{1}), 80);
}

TEST(LoadBalancingLoss, IsTheNumberOfChoicesWhereExpertsAreUsedAlike) {
  // Four tokens, each sure of another of four experts; the second choice goes round as well.
  std::vector<float> layer(16, 0);
  for (std::size_t token = 0; token < 4; ++token) {
    layer[token * 4 + token] = 8;
    layer[token * 4 + (token + 1) % 4] = 4;
  }
  const std::vector<std::vector<float>> layers(2, layer);
  EXPECT_NEAR(load_balancing_loss(layers, 4, 2), 2, kTolerance);
}

TEST(LoadBalancingLoss, GrowsWhereOneExpertTakesAll) {
  const std::vector<std::vector<float>> layers = {{50, 0, 0, 0, 50, 0, 0, 0}};
  EXPECT_NEAR(load_balancing_loss(layers, 4, 1), 4, kTolerance);
}

}  // namespace
}  // namespace minimax::engine
