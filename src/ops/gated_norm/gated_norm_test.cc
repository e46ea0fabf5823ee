// SPDX-License-Identifier: Apache-2.0
#include "ops/gated_norm/gated_norm.h"

#include "minimax/error.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/sigmoid_mul/sigmoid_mul.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class GatedNorm : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, GatedNorm, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

TEST_P(GatedNorm, GivesTheBitsOfItsPartsInPlaceOnAnyNumberOfThreads) {
  for (const std::int64_t width : {1, 5, 63, 100, 2049}) {
    const GuardedTensor x = testing::random_tensor({17, width}, 1);
    const GuardedTensor weight = testing::random_tensor({width}, 2);
    const GuardedTensor gate = testing::random_tensor({17, width}, 3, 4.0f);
    const GuardedTensor expected(tensor::DType::kF32, {17, width});
    TestContext alone(GetParam(), 1);
    rms_norm(*alone, *x, *weight, 1e-6, *expected);
    sigmoid_mul(*alone, *expected, *gate, *expected);
    for (const int threads : {1, 2, 5}) {
      TestContext ctx(GetParam(), threads);
      const GuardedTensor out = testing::random_tensor({17, width}, 1);  // as x
      gated_norm(*ctx, {.x = *out, .weight = *weight, .eps = 1e-6, .gate = *gate, .out = *out});
      EXPECT_EQ(out.to_vector(), expected.to_vector()) << width;
    }
  }
}

TEST(GatedNormArguments, RefusesAGateThatIsAlsoTheOutput) {
  const GuardedTensor x = testing::random_tensor({4, 3}, 1);
  const GuardedTensor weight = testing::random_tensor({3}, 2);
  const GuardedTensor gate = testing::random_tensor({4, 3}, 3);
  EXPECT_THROW(
      gated_norm(Context{}, {.x = *x, .weight = *weight, .eps = 1e-6, .gate = *gate, .out = *gate}),
      Error);
  EXPECT_THROW(
      gated_norm(Context{}, {.x = *x, .weight = *weight, .eps = -1.0, .gate = *gate, .out = *x}),
      Error);
}

}  // namespace
}  // namespace minimax::ops
