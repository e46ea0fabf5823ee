// SPDX-License-Identifier: Apache-2.0
#include "ops/random_scale/random_scale.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class RandomScale : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, RandomScale, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

constexpr std::int64_t kRows = 37;
constexpr std::int64_t kWidth = 701;

std::vector<TokenPlace> places_of(std::int64_t count) {
  std::vector<TokenPlace> places;
  for (std::int64_t i = 0; i < count; ++i) {
    places.push_back({.sequence = i / 20, .position = i % 20});
  }
  return places;
}

// The factors: what ones become.
std::vector<float> factors(const Context& ctx, RandomFactor factor, double amount,
                           std::uint64_t seed = 1, std::int64_t layer = 0) {
  const GuardedTensor x =
      testing::tensor_of({kRows, kWidth}, std::vector<float>(kRows * kWidth, 1));
  const std::vector<TokenPlace> places = places_of(kRows);
  random_scale(ctx, {.factor = factor,
                     .amount = amount,
                     .seed = seed,
                     .layer = layer,
                     .places = places,
                     .x = *x,
                     .out = *x});
  return x.to_vector();
}

// 26,000 factors: their mean is within 5 standard errors of 1, as good as always for a fixed seed.
void expect_mean_of_one(const std::vector<float>& values, double deviation) {
  const double mean =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  EXPECT_NEAR(mean, 1.0, 5 * deviation / std::sqrt(static_cast<double>(values.size())));
}

TEST_P(RandomScale, DropsAPartAndScalesTheRest) {
  TestContext ctx(GetParam());
  const std::vector<float> values = factors(*ctx, RandomFactor::kDropout, 0.25);
  for (const float value : values) {
    EXPECT_TRUE(value == 0.0F || value == static_cast<float>(1.0 / 0.75)) << value;
  }
  expect_mean_of_one(values, std::sqrt(0.25 / 0.75));
}

TEST_P(RandomScale, JittersWithinItsWidth) {
  TestContext ctx(GetParam());
  const std::vector<float> values = factors(*ctx, RandomFactor::kJitter, 0.125);
  const auto [least, most] = std::ranges::minmax(values);
  EXPECT_GE(least, 0.875F);
  EXPECT_LE(most, 1.125F);
  EXPECT_GT(most - least, 0.24F);
  expect_mean_of_one(values, 0.125 / std::sqrt(3.0));
}

TEST_P(RandomScale, LeavesAllAsItIsForNothing) {
  TestContext ctx(GetParam());
  const std::vector<float> ones(kRows * kWidth, 1);
  EXPECT_EQ(factors(*ctx, RandomFactor::kDropout, 0.0), ones);
  EXPECT_EQ(factors(*ctx, RandomFactor::kJitter, 0.0), ones);
}

TEST_P(RandomScale, DependsOnSeedLayerAndPlace) {
  TestContext ctx(GetParam());
  const std::vector<float> first = factors(*ctx, RandomFactor::kJitter, 0.5);
  EXPECT_NE(factors(*ctx, RandomFactor::kJitter, 0.5, 2), first);
  EXPECT_NE(factors(*ctx, RandomFactor::kJitter, 0.5, 1, 1), first);
  EXPECT_FALSE(std::equal(first.begin(), first.begin() + kWidth, first.begin() + kWidth));
  EXPECT_FALSE(std::equal(first.begin(), first.begin() + kWidth, first.begin() + 20 * kWidth));
}

TEST_P(RandomScale, GivesTheSameBitsForAnySplitAndThreads) {
  TestContext ctx(GetParam(), 5);
  const GuardedTensor x = testing::random_tensor({kRows, kWidth}, 1);
  const GuardedTensor whole(tensor::DType::kF32, {kRows, kWidth});
  const GuardedTensor parts(tensor::DType::kF32, {kRows, kWidth});
  const std::vector<TokenPlace> places = places_of(kRows);
  RandomScaleArgs args{.factor = RandomFactor::kDropout,
                       .amount = 0.5,
                       .seed = 3,
                       .layer = 2,
                       .places = places,
                       .x = *x,
                       .out = *whole};
  random_scale(*ctx, args);
  TestContext alone(GetParam(), 1);
  for (const auto& [begin, end] : {std::pair(0, 9), std::pair(9, 10), std::pair(10, 37)}) {
    args.places = std::span(places).subspan(static_cast<std::size_t>(begin),
                                            static_cast<std::size_t>(end - begin));
    args.x = x->rows(begin, end);
    args.out = parts->rows(begin, end);
    random_scale(*alone, args);
  }
  EXPECT_EQ(parts.to_vector(), whole.to_vector());
}

TEST(RandomScaleArguments, AreRefusedByName) {
  const GuardedTensor x = testing::random_tensor({4, 3}, 1);
  const std::vector<TokenPlace> places = places_of(3);
  const Context ctx;
  RandomScaleArgs args{.factor = RandomFactor::kDropout,
                       .amount = 0.5,
                       .seed = 0,
                       .layer = 0,
                       .places = places,
                       .x = *x,
                       .out = *x};
  EXPECT_THROW(random_scale(ctx, args), Error);
  args.x = args.out = x->rows(0, 3);
  for (const double amount : {-0.1, 1.0}) {
    args.amount = amount;
    EXPECT_THROW(random_scale(ctx, args), Error) << amount;
  }
}

}  // namespace
}  // namespace minimax::ops
