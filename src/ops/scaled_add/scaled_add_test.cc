// SPDX-License-Identifier: Apache-2.0
#include "ops/scaled_add/scaled_add.h"

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class ScaledAdd : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, ScaledAdd, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

// One rounding of either product and one of the sum.
constexpr double kTolerance = 3 * testing::kRounding;

TEST_P(ScaledAdd, MatchesFloat64AtOddSizes) {
  TestContext ctx(GetParam());
  for (const std::int64_t width : {1, 5, 63, 100, 2049}) {
    const GuardedTensor a = testing::random_tensor({3, width}, 1);
    const GuardedTensor b = testing::random_tensor({3, width}, 2);
    const GuardedTensor out(tensor::DType::kF32, {3, width});
    scaled_add(*ctx, {.alpha = 3.5565588f, .a = *a, .beta = 0.75f, .b = *b, .out = *out});
    std::vector<double> expected;
    for (std::int64_t i = 0; i < 3 * width; ++i) {
      expected.push_back(double{3.5565588f} * a.floats()[i] + 0.75 * b.floats()[i]);
    }
    EXPECT_LE(testing::relative_error(out.to_vector(), expected), kTolerance) << width;
  }
}

TEST_P(ScaledAdd, WorksInPlace) {
  TestContext ctx(GetParam());
  const GuardedTensor a = testing::tensor_of({1, 3}, {1, 2, 3});
  const GuardedTensor b = testing::tensor_of({1, 3}, {10, 20, 30});
  scaled_add(*ctx, {.alpha = 2.0f, .a = *a, .beta = 1.0f, .b = *b, .out = *a});
  EXPECT_EQ(a.to_vector(), (std::vector<float>{12, 24, 36}));
  scaled_add(*ctx, {.alpha = 1.0f, .a = *a, .beta = -1.0f, .b = *b, .out = *b});
  EXPECT_EQ(b.to_vector(), (std::vector<float>{2, 4, 6}));
}

TEST_P(ScaledAdd, GivesTheSameBitsOnAnyNumberOfThreads) {
  const GuardedTensor a = testing::random_tensor({67, 701}, 1);
  const GuardedTensor b = testing::random_tensor({67, 701}, 2);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    TestContext ctx(GetParam(), threads);
    const GuardedTensor out(tensor::DType::kF32, {67, 701});
    scaled_add(*ctx, {.alpha = 1.1f, .a = *a, .beta = 0.3f, .b = *b, .out = *out});
    results.push_back(out.to_vector());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(ScaledAddArguments, RefusesOtherShapesAndPartialOverlap) {
  const GuardedTensor a = testing::random_tensor({4, 3}, 1);
  const GuardedTensor b = testing::random_tensor({2, 3}, 2);
  const Context ctx;
  try {
    scaled_add(ctx, {.alpha = 1, .a = *a, .beta = 1, .b = *b, .out = *a});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_STREQ(error.what(), "scaled_add: b: expected F32 [4, 3], found F32 [2, 3]");
  }
  EXPECT_THROW(
      scaled_add(ctx, {.alpha = 1, .a = a->rows(0, 2), .beta = 1, .b = *b, .out = a->rows(1, 3)}),
      Error);
}

}  // namespace
}  // namespace minimax::ops
