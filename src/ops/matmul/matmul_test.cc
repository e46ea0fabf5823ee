// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul/matmul.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <tuple>

#include "minimax/error.h"
#include "quant/decode.h"
#include "quant/encode.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::Target;
using testing::TestContext;

using Case = std::tuple<Target, DType, Precision>;

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  const auto& [target, dtype, precision] = info.param;
  return testing::target_name({target, 0}) + "_" + std::string(tensor::dtype_name(dtype)) +
         (precision == Precision::kBFloat16 ? "_bfloat16" : "_float32");
}

class Matmul : public ::testing::TestWithParam<Case> {
 protected:
  Target target() const { return std::get<0>(GetParam()); }
  DType dtype() const { return std::get<1>(GetParam()); }
  Precision precision() const { return std::get<2>(GetParam()); }

  std::vector<float> run(const tensor::Tensor& x, const tensor::Tensor& weight,
                         int threads = 2) const {
    TestContext ctx(target(), threads,
                    matmul_scratch_bytes(Device::kCpu, x.shape()[0], x.shape()[1]));
    const GuardedTensor out(DType::kF32, {x.shape()[0], weight.shape()[0]});
    matmul(*ctx, {.x = x, .weight = weight, .precision = precision(), .out = *out});
    return out.to_vector();
  }

  // Checks every element against a float64 sum. A float32 sum of n terms in a chain errs by at
  // most n roundings of the sum of magnitudes. Here the longest chain is that of a lane in a piece
  // of K (at most two roundings a term), the lanes' sum and the pieces'.
  void expect_close(const std::vector<float>& out, const tensor::Tensor& x,
                    const tensor::Tensor& weight) const {
    const std::vector<float> weights = testing::widened(weight);
    const std::int64_t inner = x.shape()[1];
    const std::int64_t columns = weight.shape()[0];
    const std::int64_t lanes = target().isa == cpu::Isa::kAvx512   ? 16
                               : target().isa == cpu::Isa::kScalar ? 4
                                                                   : 8;
    const std::int64_t chain = 2 * (std::min<std::int64_t>(inner, 2048) / lanes + 1);
    const std::int64_t pieces = inner / 1024 + 1;
    const auto roundings = static_cast<double>(chain + 4 + pieces);
    for (std::int64_t i = 0; i < x.shape()[0] * columns; ++i) {
      double sum = 0.0;
      double magnitude = 0.0;
      for (std::int64_t k = 0; k < inner; ++k) {
        const float value = x.data<float>()[i / columns * inner + k];
        const double activation = precision() == Precision::kBFloat16
                                      ? tensor::to_float(tensor::to_bfloat16(value))
                                      : value;
        const double term = activation * weights[static_cast<std::size_t>(i % columns * inner + k)];
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(out[static_cast<std::size_t>(i)], sum, magnitude * roundings * testing::kRounding)
          << "element " << i << " of " << x.shape().to_string() << " x "
          << weight.shape().to_string();
    }
  }
};
INSTANTIATE_TEST_SUITE_P(
    Devices, Matmul,
    ::testing::Combine(::testing::ValuesIn(testing::all_targets()),
                       ::testing::Values(DType::kF32, DType::kF16, DType::kBF16),
                       ::testing::Values(Precision::kFloat32, Precision::kBFloat16)),
    case_name);

TEST_P(Matmul, MatchesFloat64AtOddSizes) {
  struct Size {
    std::int64_t rows, columns, inner;
  };
  for (const auto& [rows, columns, inner] :
       {Size{1, 1, 1}, Size{1, 2, 3}, Size{2, 3, 2}, Size{3, 15, 17}, Size{15, 17, 63},
        Size{1, 63, 100}, Size{17, 5, 257}, Size{100, 7, 65}, Size{7, 257, 33}, Size{2, 9, 2049},
        Size{1, 3, 5000}}) {
    const GuardedTensor x = testing::random_tensor({rows, inner}, 1);
    const GuardedTensor weight = testing::random_weight(dtype(), {columns, inner}, 2);
    expect_close(run(*x, *weight), *x, *weight);
  }
}

TEST_P(Matmul, RowsDoNotDependOnTheirNumber) {
  for (const std::int64_t inner : {61, 2100}) {
    const GuardedTensor x = testing::random_tensor({101, inner}, 3);
    const GuardedTensor weight = testing::random_weight(dtype(), {21, inner}, 4);
    const std::vector<float> all = run(*x, *weight);
    for (const std::int64_t rows : {1, 2, 3, 5, 6, 7, 97}) {
      const std::vector<float> some = run(x->rows(101 - rows, 101), *weight);
      ASSERT_TRUE(std::equal(some.rbegin(), some.rend(), all.rbegin())) << rows << " rows";
    }
  }
}

TEST_P(Matmul, GivesTheSameBitsOnAnyNumberOfThreads) {
  for (const std::int64_t rows : {1, 130}) {
    const GuardedTensor x = testing::random_tensor({rows, 300}, 5);
    const GuardedTensor weight = testing::random_weight(dtype(), {331, 300}, 6);
    const std::vector<float> alone = run(*x, *weight, 1);
    EXPECT_EQ(alone, run(*x, *weight, 2)) << rows << " rows";
    EXPECT_EQ(alone, run(*x, *weight, 5)) << rows << " rows";
  }
}

TEST_P(Matmul, ReadsNoNeighbour) {
  // Rows are no multiple of a vector, so a load past their end would meet the next row's NaN.
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const GuardedTensor x = testing::random_tensor({9, 35}, 7);
  const GuardedTensor weight = testing::random_weight(dtype(), {9, 35}, 8);
  const std::vector<float> clean = run(*x, *weight);
  std::fill_n(x->rows(4, 5).data<float>(), 35, nan);
  std::memset(weight->rows(5, 6).bytes_begin(), 0xff,
              static_cast<std::size_t>(weight->rows(5, 6).bytes()));
  const std::vector<float> out = run(*x, *weight);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool poisoned = i / 9 == 4 || i % 9 == 5;
    EXPECT_TRUE(poisoned ? std::isnan(out[i]) : out[i] == clean[i]) << i;
  }
}

TEST_P(Matmul, OfNothingIsZeroOrNothing) {
  const GuardedTensor x(DType::kF32, {3, 0});
  const GuardedTensor weight(dtype(), {5, 0});
  EXPECT_EQ(run(*x, *weight), std::vector<float>(15, 0.0f));
  const GuardedTensor no_rows(DType::kF32, {0, 8});
  const GuardedTensor no_columns(dtype(), {0, 8});
  EXPECT_TRUE(run(*no_rows, *testing::random_weight(dtype(), {5, 8}, 1)).empty());
  EXPECT_TRUE(run(*testing::random_tensor({5, 8}, 1), *no_columns).empty());
}

// Against the same product with the decoded weights and, for kBFloat16, with activations that are
// multiples of a group's scale already, so that rounding them changes nothing.
TEST(MatmulReference, MultipliesBlocksAsTheirDecodedElements) {
  for (const quant::FormatInfo& format : quant::formats()) {
    const std::int64_t inner = std::max<std::int64_t>(64, format.block_elements);
    const GuardedTensor plain = testing::random_weight(DType::kF32, {3, inner}, 9);
    std::vector<std::byte> blocks(
        static_cast<std::size_t>(3 * quant::row_bytes(format.format, inner)));
    const quant::Matrix weight(blocks.data(), format.format, {3, inner});
    for (std::int64_t row = 0; row < 3; ++row) {
      const auto bytes = static_cast<std::size_t>(weight.row_bytes());
      const std::span<float> values(plain->data<float>() + row * inner,
                                    static_cast<std::size_t>(inner));
      const auto block = std::span(blocks).subspan(static_cast<std::size_t>(row) * bytes, bytes);
      quant::encode_row(format.format, values, {}, block);
      quant::decode_row(format.format, block, values);
    }
    const GuardedTensor x(DType::kF32, {2, inner});
    for (std::int64_t i = 0; i < x->elements(); ++i) {
      x.floats()[i] = static_cast<float>(i % 32 == 0 ? 127 : (i * 37) % 255 - 127) / 64.0f;
    }
    for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
      const GuardedTensor expected(DType::kF32, {2, 3});
      const GuardedTensor found(DType::kF32, {2, 3});
      matmul({}, {.x = *x, .weight = *plain, .out = *expected});
      matmul({}, {.x = *x, .weight = weight, .precision = precision, .out = *found});
      EXPECT_EQ(found.to_vector(), expected.to_vector()) << format.name;
    }
  }
}

TEST(MatmulReference, RoundsActivationsOfQuantizedWeightsToInt8) {
  std::vector<std::byte> blocks(34);
  std::vector<float> row(32, 0.0f);
  row[1] = 127.0f;  // the scale is 1
  quant::encode_row(quant::Format::kQ8_0, row, {}, blocks);
  const quant::Matrix weight(blocks.data(), quant::Format::kQ8_0, {1, 32});
  const GuardedTensor x = testing::zero_tensor({1, 32});
  x.floats()[0] = 12.7f;
  x.floats()[1] = 0.26f;  // 2.6 steps of 0.1
  const GuardedTensor out(DType::kF32, {1, 1});
  matmul({}, {.x = *x, .weight = weight, .precision = Precision::kBFloat16, .out = *out});
  EXPECT_FLOAT_EQ(out.floats()[0], 0.3f * 127.0f);
}

TEST(MatmulArguments, RefusesOtherShapesAndTypes) {
  const GuardedTensor x = testing::random_tensor({2, 3}, 1);
  const GuardedTensor weight = testing::random_tensor({4, 3}, 2);
  const GuardedTensor wide = testing::random_tensor({4, 4}, 2);
  const GuardedTensor integers(DType::kI32, {4, 3});
  const GuardedTensor out = testing::random_tensor({2, 4}, 3);
  EXPECT_THROW(matmul({}, {.x = *x, .weight = *wide, .out = *out}), Error);
  EXPECT_THROW(matmul({}, {.x = *x, .weight = *integers, .out = *out}), Error);
  EXPECT_THROW(matmul({}, {.x = *x, .weight = *weight, .out = *wide}), Error);
  EXPECT_THROW(matmul({}, {.x = *out, .weight = *wide, .out = *out}), Error);
  EXPECT_NO_THROW(matmul({}, {.x = *x, .weight = *weight, .out = *out}));
}

}  // namespace
}  // namespace minimax::ops
