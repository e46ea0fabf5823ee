// SPDX-License-Identifier: Apache-2.0
#include "ops/sigmoid_blend/sigmoid_blend.h"

#include <cmath>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class SigmoidBlend : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, SigmoidBlend, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

TEST_P(SigmoidBlend, MatchesFloat64AtOddSizes) {
  TestContext ctx(GetParam());
  for (const std::int64_t width : {1, 7, 63, 100, 2049}) {
    const GuardedTensor coefficient = testing::random_tensor({5, 1}, 1, 3.0f);
    const GuardedTensor routed = testing::random_tensor({5, width}, 2);
    const GuardedTensor shared = testing::random_tensor({5, width}, 3);
    const GuardedTensor out(tensor::DType::kF32, {5, width});
    sigmoid_blend(*ctx, *coefficient, *routed, *shared, *out);
    std::vector<double> expected;
    for (std::int64_t i = 0; i < 5 * width; ++i) {
      const double c =
          1.0 / (1.0 + std::exp(-static_cast<double>(coefficient.floats()[i / width])));
      expected.push_back((1.0 - c) * routed.floats()[i] + c * shared.floats()[i]);
    }
    // The two shares each within four roundings, two products and a sum.
    EXPECT_LE(testing::relative_error(out.to_vector(), expected), 8 * testing::kRounding) << width;
  }
}

TEST_P(SigmoidBlend, IsOneOrTheOtherAtTheEndsOfTheRangeAndWorksInPlace) {
  TestContext ctx(GetParam());
  const GuardedTensor coefficient = testing::tensor_of({2, 1}, {-1000.0f, 1000.0f});
  const GuardedTensor routed = testing::tensor_of({2, 2}, {1, 2, 3, 4});
  const GuardedTensor shared = testing::tensor_of({2, 2}, {5, 6, 7, 8});
  sigmoid_blend(*ctx, *coefficient, *routed, *shared, *routed);
  EXPECT_EQ(routed.to_vector(), (std::vector<float>{1, 2, 7, 8}));
}

TEST_P(SigmoidBlend, GivesTheSameBitsOnAnyNumberOfThreads) {
  const GuardedTensor coefficient = testing::random_tensor({67, 1}, 1);
  const GuardedTensor routed = testing::random_tensor({67, 701}, 2);
  const GuardedTensor shared = testing::random_tensor({67, 701}, 3);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    TestContext ctx(GetParam(), threads);
    const GuardedTensor out(tensor::DType::kF32, {67, 701});
    sigmoid_blend(*ctx, *coefficient, *routed, *shared, *out);
    results.push_back(out.to_vector());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(SigmoidBlendArguments, RefusesACoefficientPerElement) {
  const GuardedTensor x = testing::random_tensor({4, 3}, 1);
  EXPECT_THROW(sigmoid_blend(Context{}, *x, *x, *x, *x), Error);
}

}  // namespace
}  // namespace minimax::ops
