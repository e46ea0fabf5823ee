// SPDX-License-Identifier: Apache-2.0
#include "quant/matrix.h"

#include <gtest/gtest.h>

#include <array>

#include "minimax/error.h"

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
  std::array<std::byte, 3 * 2 * 18> blocks = {};
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

TEST(Matrix, RefusesHalfBlocksAndOtherTypes) {
  std::array<std::byte, 64> bytes = {};
  EXPECT_THROW(Matrix(bytes.data(), Format::kQ4_0, {1, 33}), Error);
  EXPECT_THROW(Matrix(tensor::Tensor(bytes.data(), DType::kI32, {2, 2})), Error);
}

}  // namespace
}  // namespace minimax::quant
