// SPDX-License-Identifier: Apache-2.0
#include "ops/sigmoid_mul/sigmoid_mul.h"

#include <cmath>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class SigmoidMul : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, SigmoidMul, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

TEST_P(SigmoidMul, MatchesFloat64AtOddSizes) {
  TestContext ctx(GetParam());
  for (const std::int64_t width : {1, 7, 63, 100, 2049}) {
    const GuardedTensor x = testing::random_tensor({3, width}, 1);
    const GuardedTensor gate = testing::random_tensor({3, width}, 2, 4.0f);
    const GuardedTensor out(tensor::DType::kF32, {3, width});
    sigmoid_mul(*ctx, *x, *gate, *out);
    std::vector<double> expected;
    for (std::int64_t i = 0; i < 3 * width; ++i) {
      expected.push_back(x.floats()[i] / (1.0 + std::exp(-static_cast<double>(gate.floats()[i]))));
    }
    // Two roundings of the exponential, then those of the sum, the quotient and the product.
    EXPECT_LE(testing::relative_error(out.to_vector(), expected), 6 * testing::kRounding) << width;
  }
}

TEST_P(SigmoidMul, OpensAndClosesAtTheEndsOfTheRange) {
  TestContext ctx(GetParam());
  const GuardedTensor x = testing::tensor_of({1, 5}, {2.0f, 2.0f, 2.0f, 2.0f, 2.0f});
  const GuardedTensor gate = testing::tensor_of({1, 5}, {-3e38f, -104.0f, 0.0f, 104.0f, 3e38f});
  sigmoid_mul(*ctx, *x, *gate, *gate);
  const std::vector<float> out = gate.to_vector();
  EXPECT_NEAR(out[0], 0.0f, 1e-36);
  EXPECT_NEAR(out[1], 0.0f, 1e-36);
  EXPECT_EQ(out[2], 1.0f);
  EXPECT_EQ(out[3], 2.0f);
  EXPECT_EQ(out[4], 2.0f);
}

TEST_P(SigmoidMul, GivesTheSameBitsOnAnyNumberOfThreads) {
  const GuardedTensor x = testing::random_tensor({67, 701}, 1);
  const GuardedTensor gate = testing::random_tensor({67, 701}, 2);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    TestContext ctx(GetParam(), threads);
    const GuardedTensor out(tensor::DType::kF32, {67, 701});
    sigmoid_mul(*ctx, *x, *gate, *out);
    results.push_back(out.to_vector());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(SigmoidMulArguments, RefusesOtherShapes) {
  const GuardedTensor x = testing::random_tensor({4, 3}, 1);
  const GuardedTensor gate = testing::random_tensor({3, 4}, 2);
  EXPECT_THROW(sigmoid_mul(Context{}, *x, *gate, *x), Error);
}

}  // namespace
}  // namespace minimax::ops
