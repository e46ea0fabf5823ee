// SPDX-License-Identifier: Apache-2.0
#include "quant/matrix.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "minimax/error.h"
#include "quant/encode.h"
#include "quant/panels.h"

namespace minimax::quant {
namespace {

using tensor::DType;

TEST(Matrix, OfAPlainTensorIsTheSameElements) {
  std::array<float, 6> values = {};
  const Matrix matrix = tensor::Tensor(values.data(), DType::kF32, {2, 3});
  EXPECT_EQ(matrix.format(), Format::kF32);
  EXPECT_EQ(matrix.row_bytes(), 12);
  EXPECT_EQ(matrix.bytes(), 24);
  EXPECT_EQ(matrix.tensor().data<float>(), values.data());
  EXPECT_EQ(matrix.tensor().shape(), tensor::Shape({2, 3}));
}

TEST(Matrix, CountsTheBlocksOfItsRows) {
  std::array<std::byte, std::size_t{3} * 2 * 18> blocks = {};
  const Matrix matrix(blocks.data(), Format::kQ4_0, {3, 64});
  EXPECT_FALSE(matrix.is_plain());
  EXPECT_EQ(matrix.row_bytes(), 36);
  EXPECT_EQ(matrix.bytes(), std::ssize(blocks));
  EXPECT_THROW(matrix.tensor(), Error);
}

TEST(Matrix, MayHaveNoRowsOrNoColumns) {
  EXPECT_EQ(Matrix(nullptr, Format::kQ8_0, {0, 32}).bytes(), 0);
  EXPECT_EQ(Matrix(nullptr, Format::kQ8_0, {3, 0}).bytes(), 0);
  EXPECT_TRUE(Matrix().empty());
}

TEST(Matrix, InPanelsDecodesToTheSameRows) {
  std::array<std::byte, std::size_t{3} * 2 * 18> blocks;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i] = static_cast<std::byte>(i % 18 < 2 ? 60 : i * 37);  // scales of 1.06
  }
  const Matrix rows(blocks.data(), Format::kQ4_0, {3, 64});
  std::vector<std::byte> packed(
      static_cast<std::size_t>(Matrix::bytes_of(Format::kQ4_0, {3, 64}, Layout::kPanels)));
  pack_panels({Format::kQ4_0, blocks.data(), rows.row_bytes(), 3, 64}, packed);
  const Matrix panels(packed.data(), Format::kQ4_0, {3, 64}, Layout::kPanels);
  EXPECT_EQ(panels.bytes(), 16 * 2 * 18);
  std::array<float, 64> a;
  std::array<float, 64> b;
  for (int row = 0; row < 3; ++row) {
    decode_row(rows, row, a);
    decode_row(panels, row, b);
    EXPECT_EQ(a, b);
  }
  EXPECT_THROW(Matrix(nullptr, Format::kBF16, {3, 64}, Layout::kPanels), Error);
}

TEST(Matrix, KnowsRowsOfZeros) {
  constexpr std::int64_t kWidth = 128;
  for (const Format format : {Format::kF32, Format::kQ4_0, Format::kNF4}) {
    std::vector<std::byte> blocks(static_cast<std::size_t>(3 * row_bytes(format, kWidth)));
    for (std::int64_t row = 0; row < 3; ++row) {
      std::vector<float> values(kWidth, 0.0F);
      values[kWidth - 1] = row == 1 ? 0.0F : 2.0F;
      const auto bytes = static_cast<std::size_t>(row_bytes(format, kWidth));
      encode_row(format, values, {},
                 std::span(blocks).subspan(static_cast<std::size_t>(row) * bytes, bytes));
    }
    const Matrix rows(blocks.data(), format, {3, kWidth});
    EXPECT_FALSE(is_zero_row(rows, 0));
    EXPECT_TRUE(is_zero_row(rows, 1));
    if (has_panels(format)) {
      std::vector<std::byte> packed(static_cast<std::size_t>(panels_bytes(format, 3, kWidth)));
      pack_panels({format, blocks.data(), rows.row_bytes(), 3, kWidth}, packed);
      const Matrix panels(packed.data(), format, {3, kWidth}, Layout::kPanels);
      EXPECT_TRUE(is_zero_row(panels, 1));
      EXPECT_FALSE(is_zero_row(panels, 2));
    }
  }
}

TEST(Matrix, RefusesHalfBlocksAndOtherTypes) {
  std::array<std::byte, 64> bytes = {};
  EXPECT_THROW(Matrix(bytes.data(), Format::kQ4_0, {1, 33}), Error);
  EXPECT_THROW(Matrix(tensor::Tensor(bytes.data(), DType::kI32, {2, 2})), Error);
}

}  // namespace
}  // namespace minimax::quant
