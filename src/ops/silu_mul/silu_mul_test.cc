// SPDX-License-Identifier: Apache-2.0
#include "ops/silu_mul/silu_mul.h"

#include <cmath>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class SiluMul : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, SiluMul, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

double expected_of(float gate, float up) {
  return gate / (1.0 + std::exp(-static_cast<double>(gate))) * up;
}

TEST_P(SiluMul, MatchesFloat64AtOddSizes) {
  TestContext ctx(GetParam());
  for (const std::int64_t width : {1, 7, 63, 100, 2049}) {
    const GuardedTensor gate = testing::random_tensor({3, width}, 1, 4.0f);
    const GuardedTensor up = testing::random_tensor({3, width}, 2);
    const GuardedTensor out(tensor::DType::kF32, {3, width});
    silu_mul(*ctx, *gate, *up, *out);
    std::vector<double> expected;
    for (std::int64_t i = 0; i < 3 * width; ++i) {
      expected.push_back(expected_of(gate.floats()[i], up.floats()[i]));
    }
    // Two roundings of the exponential, then those of the sum, the quotient and the product.
    EXPECT_LE(testing::relative_error(out.to_vector(), expected), 6 * testing::kRounding) << width;
  }
}

TEST_P(SiluMul, IsExactEnoughInEveryElement) {
  TestContext ctx(GetParam());
  std::vector<float> gates;
  for (float gate = -80.0f; gate < 120.0f; gate += 0.37f) {
    gates.push_back(gate);
  }
  const std::int64_t width = static_cast<std::int64_t>(gates.size());
  const GuardedTensor gate = testing::tensor_of({1, width}, gates);
  const GuardedTensor up = testing::tensor_of({1, width}, std::vector<float>(gates.size(), 1.0f));
  const GuardedTensor out(tensor::DType::kF32, {1, width});
  silu_mul(*ctx, *gate, *up, *out);
  for (std::size_t i = 0; i < gates.size(); ++i) {
    const double expected = expected_of(gates[i], 1.0f);
    EXPECT_NEAR(out.floats()[i], expected, std::abs(expected) * 8 * testing::kRounding) << gates[i];
  }
}

TEST_P(SiluMul, StaysFiniteAtTheEndsOfTheRange) {
  TestContext ctx(GetParam());
  const GuardedTensor gate = testing::tensor_of({1, 4}, {-3e38f, -104.0f, 3e38f, 0.0f});
  const GuardedTensor up = testing::tensor_of({1, 4}, {1.0f, 1.0f, 1.0f, 1.0f});
  silu_mul(*ctx, *gate, *up, *gate);
  const std::vector<float> out = gate.to_vector();
  EXPECT_NEAR(out[0], 0.0f, 1e-36);
  EXPECT_NEAR(out[1], 0.0f, 1e-36);
  EXPECT_EQ(out[2], 3e38f);
  EXPECT_EQ(out[3], 0.0f);
}

TEST_P(SiluMul, GivesTheSameBitsOnAnyNumberOfThreads) {
  const GuardedTensor gate = testing::random_tensor({67, 701}, 1);
  const GuardedTensor up = testing::random_tensor({67, 701}, 2);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    TestContext ctx(GetParam(), threads);
    const GuardedTensor out(tensor::DType::kF32, {67, 701});
    silu_mul(*ctx, *gate, *up, *out);
    results.push_back(out.to_vector());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(SiluMulArguments, RefusesOtherShapes) {
  const GuardedTensor gate = testing::random_tensor({4, 3}, 1);
  const GuardedTensor up = testing::random_tensor({3, 4}, 2);
  EXPECT_THROW(silu_mul(Context{}, *gate, *up, *gate), Error);
}

}  // namespace
}  // namespace minimax::ops
