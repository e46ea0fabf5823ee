// SPDX-License-Identifier: Apache-2.0
#include "ops/embedding/embedding.h"

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using testing::GuardedTensor;
using testing::TestContext;

class Embedding : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, Embedding, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

// A table of 16-bit elements with every exponent and sign, and no NaN.
template <class T>
GuardedTensor table_of_bits(std::int64_t rows, std::int64_t width) {
  GuardedTensor table(tensor::DTypeOf<T>::value, {rows, width});
  for (std::int64_t i = 0; i < rows * width; ++i) {
    const auto bits = static_cast<std::uint16_t>(i * 7919);
    const bool is_nan = tensor::to_float(T{bits}) != tensor::to_float(T{bits});
    table->template data<T>()[i] = is_nan ? T{0} : T{bits};
  }
  return table;
}

template <class T>
void expect_rows(const Context& ctx, const GuardedTensor& table) {
  const std::int64_t width = table->shape()[1];
  const std::vector<std::int32_t> ids = {4, 0, 4, 1};
  const GuardedTensor out(tensor::DType::kF32, {4, width});
  embedding(ctx, *table, ids, *out);
  for (std::size_t t = 0; t < ids.size(); ++t) {
    for (std::int64_t i = 0; i < width; ++i) {
      EXPECT_EQ(out.floats()[static_cast<std::int64_t>(t) * width + i],
                tensor::to_float(table->template data<T>()[ids[t] * width + i]))
          << ids[t] << " " << i;
    }
  }
}

TEST_P(Embedding, ConvertsRowsOfEveryTypeExactly) {
  TestContext ctx(GetParam());
  for (const std::int64_t width : {1, 5, 63, 100, 2049}) {
    expect_rows<float>(*ctx, testing::random_tensor({5, width}, 1));
    expect_rows<tensor::BFloat16>(*ctx, table_of_bits<tensor::BFloat16>(5, width));
    expect_rows<tensor::Float16>(*ctx, table_of_bits<tensor::Float16>(5, width));
  }
}

TEST(EmbeddingArguments, RefusesIdsOutsideOfTheTable) {
  const GuardedTensor table = testing::random_tensor({5, 3}, 1);
  const GuardedTensor out = testing::random_tensor({2, 3}, 1);
  for (const std::int32_t id : {-1, 5, 1 << 30}) {
    const std::vector<std::int32_t> ids = {0, id};
    EXPECT_THROW(embedding(Context{}, *table, ids, *out), Error) << id;
  }
}

TEST(EmbeddingArguments, AcceptsNoTokens) {
  const GuardedTensor table = testing::random_tensor({5, 3}, 1);
  const GuardedTensor out(tensor::DType::kF32, {0, 3});
  EXPECT_NO_THROW(embedding(Context{}, *table, {}, *out));
}

}  // namespace
}  // namespace minimax::ops
