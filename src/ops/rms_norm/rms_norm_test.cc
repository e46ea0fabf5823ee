// SPDX-License-Identifier: Apache-2.0
#include "ops/rms_norm/rms_norm.h"

#include <algorithm>
#include <cmath>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class RmsNorm : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, RmsNorm, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

std::vector<double> expected_of(const GuardedTensor& x, const GuardedTensor& weight, double eps) {
  const std::int64_t width = weight->elements();
  std::vector<double> expected;
  for (std::int64_t t = 0; t < x->shape()[0]; ++t) {
    const float* row = x.floats() + t * width;
    double sum = 0.0;
    for (std::int64_t i = 0; i < width; ++i) {
      sum += double{row[i]} * row[i];
    }
    for (std::int64_t i = 0; i < width; ++i) {
      expected.push_back(row[i] / std::sqrt(sum / static_cast<double>(width) + eps) *
                         weight.floats()[i]);
    }
  }
  return expected;
}

TEST_P(RmsNorm, MatchesFloat64AtOddWidths) {
  TestContext ctx(GetParam());
  for (const std::int64_t width : {1, 5, 63, 100, 2049, 8192}) {
    const GuardedTensor x = testing::random_tensor({3, width}, 1, 2.0f);
    const GuardedTensor weight = testing::random_tensor({width}, 2);
    const GuardedTensor out(tensor::DType::kF32, {3, width});
    rms_norm(*ctx, *x, *weight, 1e-5, *out);
    // A sum of n positive terms over at least 4 lanes is off by n/4 roundings at most and by the
    // root of that in the mean; half of it survives the square root; five roundings follow.
    const double tolerance =
        (5 + 0.5 * std::sqrt(static_cast<double>(width) / 4)) * testing::kRounding;
    EXPECT_LE(testing::relative_error(out.to_vector(), expected_of(x, weight, 1e-5)), tolerance)
        << width;
  }
}

TEST_P(RmsNorm, AddsEpsilonToTheMeanOfSquares) {
  TestContext ctx(GetParam());
  const GuardedTensor x = testing::random_tensor({2, 37}, 1, 1e-3f);
  const GuardedTensor weight = testing::random_tensor({37}, 2);
  const GuardedTensor out(tensor::DType::kF32, {2, 37});
  for (const double eps : {1e-5, 1e-6}) {
    rms_norm(*ctx, *x, *weight, eps, *out);
    EXPECT_LE(testing::relative_error(out.to_vector(), expected_of(x, weight, eps)),
              7 * testing::kRounding);
  }
}

TEST_P(RmsNorm, GivesZeroForZeroAndWorksInPlace) {
  TestContext ctx(GetParam());
  const GuardedTensor x = testing::tensor_of({2, 3}, {0, 0, 0, 2, 2, 2});
  const GuardedTensor weight = testing::tensor_of({3}, {1, 2, 3});
  rms_norm(*ctx, *x, *weight, 0.0625, *x);
  const float scale = 2.0f / std::sqrt(4.0625f);
  const std::vector<float> out = x.to_vector();
  EXPECT_EQ(std::vector<float>(out.begin(), out.begin() + 3), (std::vector<float>{0, 0, 0}));
  EXPECT_FLOAT_EQ(out[3], scale);
  EXPECT_FLOAT_EQ(out[5], 3 * scale);
}

TEST_P(RmsNorm, GivesTheSameBitsForARowAloneOrAmongOthersOnAnyNumberOfThreads) {
  const GuardedTensor x = testing::random_tensor({67, 701}, 1);
  const GuardedTensor weight = testing::random_tensor({701}, 2);
  TestContext alone(GetParam(), 1);
  std::vector<float> expected;
  for (std::int64_t t = 0; t < 67; ++t) {
    const GuardedTensor out(tensor::DType::kF32, {1, 701});
    rms_norm(*alone, x->rows(t, t + 1), *weight, 1e-5, *out);
    expected.insert(expected.end(), out.floats(), out.floats() + 701);
  }
  for (const int threads : {1, 2, 5}) {
    TestContext ctx(GetParam(), threads);
    const GuardedTensor out(tensor::DType::kF32, {67, 701});
    rms_norm(*ctx, *x, *weight, 1e-5, *out);
    EXPECT_EQ(out.to_vector(), expected) << threads;
  }
}

TEST(RmsNormArguments, RefusesAWeightOfAnotherSize) {
  const GuardedTensor x = testing::random_tensor({4, 6}, 1);
  const GuardedTensor weight = testing::random_tensor({5}, 2);
  try {
    rms_norm(Context{}, *x, *weight, 1e-5, *x);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "rms_norm: weight: expected F32 [6], found F32 [5]");
  }
  const GuardedTensor fitting = testing::random_tensor({6}, 2);
  EXPECT_THROW(rms_norm(Context{}, *x, *fitting, -1.0, *x), Error);
}

}  // namespace
}  // namespace minimax::ops
