// SPDX-License-Identifier: Apache-2.0
#include "ops/moe_permute/moe_permute.h"

#include <algorithm>
#include <random>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::TestContext;

class MoePermute : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, MoePermute, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

std::vector<std::int32_t> ints_of(const GuardedTensor& tensor) {
  return {tensor.ints(), tensor.ints() + tensor->elements()};
}

TEST_P(MoePermute, KeepsTheOrderOfPairsWithinAnExpert) {
  TestContext ctx(GetParam());
  const GuardedTensor ids(DType::kI32, {3, 2});
  std::ranges::copy(std::vector<std::int32_t>{3, 1, 1, 0, 3, 1}, ids.ints());
  const GuardedTensor offsets(DType::kI32, {5});
  const GuardedTensor pair_of_row(DType::kI32, {6});
  const GuardedTensor row_of_pair(DType::kI32, {6});
  moe_permute(*ctx, {.expert_ids = *ids,
                     .offsets = *offsets,
                     .pair_of_row = *pair_of_row,
                     .row_of_pair = *row_of_pair});
  EXPECT_EQ(ints_of(offsets), (std::vector<std::int32_t>{0, 1, 4, 4, 6}));
  EXPECT_EQ(ints_of(pair_of_row), (std::vector<std::int32_t>{3, 1, 2, 5, 0, 4}));
  EXPECT_EQ(ints_of(row_of_pair), (std::vector<std::int32_t>{4, 1, 2, 0, 5, 3}));
}

TEST_P(MoePermute, IsAStableSortOfRandomPairs) {
  TestContext ctx(GetParam());
  std::mt19937 generator(1);
  const GuardedTensor ids(DType::kI32, {301, 3});
  std::generate_n(ids.ints(), 903, [&] { return static_cast<std::int32_t>(generator() % 17); });
  const GuardedTensor offsets(DType::kI32, {18});
  const GuardedTensor pair_of_row(DType::kI32, {903});
  const GuardedTensor row_of_pair(DType::kI32, {903});
  moe_permute(*ctx, {.expert_ids = *ids,
                     .offsets = *offsets,
                     .pair_of_row = *pair_of_row,
                     .row_of_pair = *row_of_pair});
  std::vector<std::int32_t> expected(903);
  for (std::int32_t pair = 0; pair < 903; ++pair) {
    expected[static_cast<std::size_t>(pair)] = pair;
    EXPECT_EQ(pair_of_row.ints()[row_of_pair.ints()[pair]], pair);
  }
  std::ranges::stable_sort(expected, {}, [&](std::int32_t pair) { return ids.ints()[pair]; });
  EXPECT_EQ(ints_of(pair_of_row), expected);
  for (std::int32_t e = 0; e < 17; ++e) {
    EXPECT_EQ(offsets.ints()[e + 1] - offsets.ints()[e],
              std::ranges::count(ids.ints(), ids.ints() + 903, e));
  }
}

TEST(MoePermuteArguments, RefusesExpertsThatDoNotExist) {
  const GuardedTensor ids(DType::kI32, {1, 1});
  const GuardedTensor offsets(DType::kI32, {4});
  const GuardedTensor rows(DType::kI32, {1});
  for (const std::int32_t id : {-1, 3}) {
    ids.ints()[0] = id;
    EXPECT_THROW(
        moe_permute(
            Context{},
            {.expert_ids = *ids, .offsets = *offsets, .pair_of_row = *rows, .row_of_pair = *rows}),
        Error);
  }
}

}  // namespace
}  // namespace minimax::ops
