// SPDX-License-Identifier: Apache-2.0
#include "ops/rope/rope.h"

#include <cmath>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::TestContext;

class Rope : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, Rope, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

struct Table {
  GuardedTensor cos;
  GuardedTensor sin;
};

Table table_of(const std::vector<std::int64_t>& positions, double theta, std::int64_t pairs) {
  const auto tokens = static_cast<std::int64_t>(positions.size());
  Table table{GuardedTensor(DType::kF32, {tokens, pairs}),
              GuardedTensor(DType::kF32, {tokens, pairs})};
  rope_table(Context{}, positions, theta, *table.cos, *table.sin);
  return table;
}

TEST(RopeTable, RoundsFrequencyAndAngleToFloat32) {
  const std::vector<std::int64_t> positions = {0, 1, 131071, 10239999};
  const Table table = table_of(positions, 1e7, 32);
  for (std::size_t t = 0; t < positions.size(); ++t) {
    for (int j = 0; j < 32; ++j) {
      const float power = static_cast<float>(std::pow(1e7, j / 32.0));
      const float angle = static_cast<float>(positions[t]) * (1.0f / power);
      const auto at = static_cast<std::int64_t>(t) * 32 + j;
      EXPECT_EQ(table.cos.floats()[at], static_cast<float>(std::cos(double{angle}))) << at;
      EXPECT_EQ(table.sin.floats()[at], static_cast<float>(std::sin(double{angle}))) << at;
    }
  }
}

TEST(RopeTable, EqualsThePublishedValues) {
  // torch 2.11 in float32: with f = 1 / 1e7 ** (arange(0, 64, 2) / 64), the cosine and sine of
  // (1000003 * f)[1] = 604298.1875. An angle in float64 is 0.02 away.
  const Table table = table_of({1000003}, 1e7, 32);
  EXPECT_NEAR(table.cos.floats()[1], 0.9626390337944031, testing::kRounding);
  EXPECT_NEAR(table.sin.floats()[1], 0.2707878649234772, testing::kRounding);
}

TEST_P(Rope, RotatesPairsOfTheFirstDimensionsOnly) {
  TestContext ctx(GetParam());
  for (const std::int64_t pairs : {1, 5, 16, 31}) {
    const std::int64_t dim = 63;
    const GuardedTensor x = testing::random_tensor({3, 4, dim}, 1);
    const std::vector<float> before = x.to_vector();
    const Table table = table_of({7, 100, 5000}, 1e4, pairs);
    rope(*ctx, *x, *table.cos, *table.sin);
    std::vector<double> expected(before.begin(), before.end());
    for (std::int64_t row = 0; row < 12; ++row) {
      for (std::int64_t j = 0; j < pairs; ++j) {
        const auto first = static_cast<std::size_t>(row * dim + j);
        const auto second = first + static_cast<std::size_t>(pairs);
        const double cos = table.cos.floats()[row / 4 * pairs + j];
        const double sin = table.sin.floats()[row / 4 * pairs + j];
        expected[first] = before[first] * cos - before[second] * sin;
        expected[second] = before[second] * cos + before[first] * sin;
      }
    }
    EXPECT_LE(testing::relative_error(x.to_vector(), expected), 3 * testing::kRounding) << pairs;
    for (std::int64_t row = 0; row < 12; ++row) {
      for (std::int64_t i = 2 * pairs; i < dim; ++i) {
        EXPECT_EQ(x.floats()[row * dim + i], before[static_cast<std::size_t>(row * dim + i)]);
      }
    }
  }
}

TEST_P(Rope, MakesProductsDependOnDistancesOnly) {
  TestContext ctx(GetParam());
  const GuardedTensor q = testing::random_tensor({1, 1, 64}, 1);
  const GuardedTensor k = testing::random_tensor({1, 1, 64}, 2);
  const auto product_at = [&](std::int64_t query, std::int64_t key) {
    const GuardedTensor a = testing::tensor_of({1, 1, 64}, q.to_vector());
    const GuardedTensor b = testing::tensor_of({1, 1, 64}, k.to_vector());
    const Table at_query = table_of({query}, 1e4, 32);
    const Table at_key = table_of({key}, 1e4, 32);
    rope(*ctx, *a, *at_query.cos, *at_query.sin);
    rope(*ctx, *b, *at_key.cos, *at_key.sin);
    double sum = 0.0;
    for (std::int64_t i = 0; i < 64; ++i) {
      sum += double{a.floats()[i]} * b.floats()[i];
    }
    return sum;
  };
  // Angles below 1100 have an error of 3e-5 at most, on products of sum |q k| of about 40.
  EXPECT_NEAR(product_at(17, 5), product_at(1017, 1005), 64 * 6e-5);
  EXPECT_GT(std::abs(product_at(17, 5) - product_at(17, 9)), 0.1);
}

TEST_P(Rope, GivesTheSameBitsOnAnyNumberOfThreads) {
  std::vector<std::int64_t> positions(67);
  for (std::size_t t = 0; t < positions.size(); ++t) {
    positions[t] = static_cast<std::int64_t>(t * t);
  }
  const Table table = table_of(positions, 1e4, 31);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    TestContext ctx(GetParam(), threads);
    const GuardedTensor x = testing::random_tensor({67, 5, 70}, 1);
    rope(*ctx, *x, *table.cos, *table.sin);
    results.push_back(x.to_vector());
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(RopeArguments, RefusesToRotateMoreThanTheHead) {
  const GuardedTensor x = testing::random_tensor({1, 1, 6}, 1);
  const Table table = table_of({1}, 1e4, 4);
  EXPECT_THROW(rope(Context{}, *x, *table.cos, *table.sin), Error);
}

}  // namespace
}  // namespace minimax::ops
