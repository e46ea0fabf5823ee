// SPDX-License-Identifier: Apache-2.0
#include "ops/moe_combine/moe_combine.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::TestContext;

class MoeCombine : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, MoeCombine, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

struct Case {
  GuardedTensor rows;
  GuardedTensor row_of_pair;
  GuardedTensor expert_weights;
};

Case random_case(std::int64_t tokens, std::int64_t top_k, std::int64_t width) {
  Case c{testing::random_tensor({tokens * top_k, width}, 1),
         GuardedTensor(DType::kI32, {tokens * top_k}), testing::random_tensor({tokens, top_k}, 2)};
  std::iota(c.row_of_pair.ints(), c.row_of_pair.ints() + tokens * top_k, 0);
  std::shuffle(c.row_of_pair.ints(), c.row_of_pair.ints() + tokens * top_k, std::mt19937(3));
  return c;
}

std::vector<double> expected_of(const Case& c) {
  const std::int64_t width = c.rows->shape()[1];
  const std::int64_t top_k = c.expert_weights->shape()[1];
  std::vector<double> expected(static_cast<std::size_t>(c.rows->elements() / top_k), 0.0);
  for (std::int64_t pair = 0; pair < c.row_of_pair->elements(); ++pair) {
    const float* row = c.rows.floats() + c.row_of_pair.ints()[pair] * width;
    for (std::int64_t i = 0; i < width; ++i) {
      expected[static_cast<std::size_t>(pair / top_k * width + i)] +=
          double{c.expert_weights.floats()[pair]} * row[i];
    }
  }
  return expected;
}

TEST_P(MoeCombine, MatchesFloat64AtOddSizes) {
  TestContext ctx(GetParam());
  for (const std::int64_t top_k : {1, 2, 5}) {
    for (const std::int64_t width : {1, 63, 100, 2049}) {
      const Case c = random_case(7, top_k, width);
      const GuardedTensor out(DType::kF32, {7, width});
      moe_combine(*ctx, {.rows = *c.rows,
                         .row_of_pair = *c.row_of_pair,
                         .expert_weights = *c.expert_weights,
                         .out = *out});
      // A product and a sum per slot.
      EXPECT_LE(testing::relative_error(out.to_vector(), expected_of(c)),
                2 * static_cast<double>(top_k) * testing::kRounding)
          << top_k << " " << width;
    }
  }
}

TEST_P(MoeCombine, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Case c = random_case(67, 2, 701);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    TestContext ctx(GetParam(), threads);
    const GuardedTensor out(DType::kF32, {67, 701});
    moe_combine(*ctx, {.rows = *c.rows,
                       .row_of_pair = *c.row_of_pair,
                       .expert_weights = *c.expert_weights,
                       .out = *out});
    results.push_back(out.to_vector());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(MoeCombineArguments, RefusesRowsThatDoNotExist) {
  const Case c = random_case(2, 2, 3);
  const GuardedTensor out = testing::random_tensor({2, 3}, 1);
  c.row_of_pair.ints()[3] = 4;
  EXPECT_THROW(moe_combine(Context{}, {.rows = *c.rows,
                                       .row_of_pair = *c.row_of_pair,
                                       .expert_weights = *c.expert_weights,
                                       .out = *out}),
               Error);
}

}  // namespace
}  // namespace minimax::ops
