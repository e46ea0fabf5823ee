// SPDX-License-Identifier: Apache-2.0
#include "quant/device_tiles.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

#include "minimax/error.h"
#include "quant/matrix.h"

namespace minimax::quant {
namespace {

TEST(DeviceTiles, TakeWholeTiles) {
  EXPECT_EQ(Matrix::bytes_of(Format::kInt4G64, {16, 64}, Layout::kTiles), 544);
  EXPECT_EQ(Matrix::bytes_of(Format::kInt4G64, {17, 128}, Layout::kTiles), 4 * 544);
  EXPECT_EQ(Matrix::bytes_of(Format::kQ8_0, {1, 32}, Layout::kTiles), 1088);
  EXPECT_THROW(Matrix::bytes_of(Format::kBF16, {16, 64}, Layout::kTiles), Error);
  EXPECT_THROW(Matrix::bytes_of(Format::kQ2_K, {16, 256}, Layout::kTiles), Error);
}

TEST(DeviceTiles, ACodeIsTheElementThatItsLaneMultiplies) {
  std::vector<std::byte> tile(544);
  const std::uint16_t one = 0x3c00;  // binary16
  for (std::size_t row = 0; row < 16; ++row) {
    std::memcpy(tile.data() + 512 + 2 * row, &one, sizeof(one));
  }
  // Lane 5, step 2, pair 1: row 5 / 4 + 8, columns 2 * 16 + 2 * (5 % 4) and the next.
  const std::uint32_t word = 1u << 4 | 2u << 20;
  std::memcpy(tile.data() + std::ptrdiff_t{16 * 5 + 4 * 2}, &word, sizeof(word));
  const Matrix matrix(tile.data(), Format::kInt4G64, {16, 64}, Layout::kTiles);
  std::array<float, 64> row;
  for (std::int64_t r = 0; r < 16; ++r) {
    decode_row(matrix, r, row);
    for (std::size_t c = 0; c < row.size(); ++c) {
      const float code = r == 9 && c == 34 ? 1.0F : r == 9 && c == 35 ? 2.0F : 0.0F;
      EXPECT_EQ(row[c], code - 8.0F) << r << " " << c;
    }
  }
}

TEST(DeviceTiles, ScalesAreThoseOfTheirRows) {
  std::vector<std::byte> tile(544);
  const std::uint16_t two = 0x4000;  // of row 3 + 8, behind that of row 3
  std::memcpy(tile.data() + std::ptrdiff_t{512 + 2 * (2 * 3 + 1)}, &two, sizeof(two));
  const Matrix matrix(tile.data(), Format::kInt4G64, {16, 64}, Layout::kTiles);
  std::array<float, 64> row;
  for (std::int64_t r = 0; r < 16; ++r) {
    decode_row(matrix, r, row);
    EXPECT_EQ(row[0], r == 11 ? -16.0F : 0.0F) << r;
  }
}

}  // namespace
}  // namespace minimax::quant
