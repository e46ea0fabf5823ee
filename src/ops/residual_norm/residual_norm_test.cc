// SPDX-License-Identifier: Apache-2.0
#include "ops/residual_norm/residual_norm.h"

#include "minimax/error.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/scaled_add/scaled_add.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class ResidualNorm : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, ResidualNorm, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

constexpr float kAlpha = 3.5565588f;
constexpr float kBeta = 0.75f;

TEST_P(ResidualNorm, GivesTheBitsOfItsPartsOnAnyNumberOfThreads) {
  for (const std::int64_t width : {1, 5, 63, 100, 2049}) {
    const GuardedTensor a = testing::random_tensor({17, width}, 1);
    const GuardedTensor b = testing::random_tensor({17, width}, 2);
    const GuardedTensor weight = testing::random_tensor({width}, 3);
    const GuardedTensor sum(tensor::DType::kF32, {17, width});
    const GuardedTensor normed(tensor::DType::kF32, {17, width});
    TestContext alone(GetParam(), 1);
    scaled_add(*alone, {.alpha = kAlpha, .a = *a, .beta = kBeta, .b = *b, .out = *sum});
    rms_norm(*alone, *sum, *weight, 1e-5, *normed);
    for (const int threads : {1, 2, 5}) {
      TestContext ctx(GetParam(), threads);
      const GuardedTensor both(tensor::DType::kF32, {17, width});
      const GuardedTensor out(tensor::DType::kF32, {17, width});
      residual_norm(*ctx, {.alpha = kAlpha,
                           .a = *a,
                           .beta = kBeta,
                           .b = *b,
                           .weight = *weight,
                           .eps = 1e-5,
                           .sum = *both,
                           .out = *out});
      EXPECT_EQ(both.to_vector(), sum.to_vector()) << width;
      EXPECT_EQ(out.to_vector(), normed.to_vector()) << width;
    }
  }
}

TEST_P(ResidualNorm, WorksInPlace) {
  TestContext ctx(GetParam());
  const GuardedTensor a = testing::tensor_of({1, 4}, {1, 1, 1, 1});
  const GuardedTensor b = testing::tensor_of({1, 4}, {2, 2, 2, 2});
  const GuardedTensor weight = testing::tensor_of({4}, {1, 2, 3, 4});
  const GuardedTensor sum(tensor::DType::kF32, {1, 4});
  residual_norm(*ctx, {.alpha = 1.0f,
                       .a = *a,
                       .beta = 0.5f,
                       .b = *b,
                       .weight = *weight,
                       .eps = 0.0,
                       .sum = *sum,
                       .out = *a});
  EXPECT_EQ(sum.to_vector(), (std::vector<float>{2, 2, 2, 2}));
  EXPECT_EQ(a.to_vector(), (std::vector<float>{1, 2, 3, 4}));
}

TEST(ResidualNormArguments, RefusesASumThatIsAlsoTheOutput) {
  const GuardedTensor a = testing::random_tensor({4, 3}, 1);
  const GuardedTensor b = testing::random_tensor({4, 3}, 2);
  const GuardedTensor weight = testing::random_tensor({3}, 3);
  const GuardedTensor sum(tensor::DType::kF32, {4, 3});
  ResidualNormArgs args{.alpha = 1.0f,
                        .a = *a,
                        .beta = 1.0f,
                        .b = *b,
                        .weight = *weight,
                        .eps = 1e-5,
                        .sum = *sum,
                        .out = *sum};
  EXPECT_THROW(residual_norm(Context{}, args), Error);
  args.out = *a;
  const GuardedTensor other = testing::random_tensor({4}, 3);
  args.weight = *other;
  EXPECT_THROW(residual_norm(Context{}, args), Error);
}

}  // namespace
}  // namespace minimax::ops
