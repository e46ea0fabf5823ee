// SPDX-License-Identifier: Apache-2.0
// Small float32 matrix products whose sums stay in registers: what the attention kernels are made
// of. For the files that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd.h"

namespace minimax::ops {
namespace {

using cpu::Vec;

/// Rows come in groups of this many; buffers are padded with rows of zeros.
inline constexpr std::int64_t kTileRows = 4;

/// The vectors that a tile is wide at most: the sums of kTileRows rows, a row of the right operand
/// and a broadcast fit the registers.
inline constexpr std::int64_t kTileVecs = Vec::kLanes == 16 ? 4 : 2;

template <int kVecs>
struct TileRow {
  Vec at[std::size_t{kVecs}];
};

/// kTileRows rows of kVecs vectors.
template <int kVecs>
struct Tile {
  TileRow<kVecs> row[std::size_t{kTileRows}];
};

/// An operand of which element (row, k) stands at data[row * row_stride + k * step].
struct LeftOperand {
  const float* data;
  std::int64_t row_stride;
  std::int64_t step;
};

inline std::int64_t rounded_up(std::int64_t n, std::int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

/// tile += a b over k in [0, count), in the order of k; row k of b starts at b + k * b_stride and
/// is widened to float32 where it is narrower.
template <int kVecs, class T>
inline void accumulate(Tile<kVecs>& tile, LeftOperand a, const T* b, std::int64_t b_stride,
                       std::int64_t count) {
  for (std::int64_t k = 0; k < count; ++k) {
    TileRow<kVecs> right;
    for (int v = 0; v < kVecs; ++v) {
      right.at[v] = cpu::load(b + k * b_stride + v * Vec::kLanes);
    }
    for (int r = 0; r < kTileRows; ++r) {
      const Vec left = cpu::broadcast(a.data[r * a.row_stride + k * a.step]);
      for (int v = 0; v < kVecs; ++v) {
        tile.row[r].at[v] = cpu::fma(left, right.at[v], tile.row[r].at[v]);
      }
    }
  }
}

/// Writes a tile to rows of `stride` elements.
template <int kVecs>
inline void store_tile(const Tile<kVecs>& tile, float* to, std::int64_t stride) {
  for (int r = 0; r < kTileRows; ++r) {
    for (int v = 0; v < kVecs; ++v) {
      cpu::store(to + r * stride + v * Vec::kLanes, tile.row[r].at[v]);
    }
  }
}

/// Calls body.template operator()<kVecs>(column) for panels that cover [0, width).
/// Requires: width is a multiple of Vec::kLanes.
template <class Body>
inline void for_each_panel(std::int64_t width, const Body& body) {
  std::int64_t column = 0;
  for (; column + kTileVecs * Vec::kLanes <= width; column += kTileVecs * Vec::kLanes) {
    body.template operator()<static_cast<int>(kTileVecs)>(column);
  }
  if (column + 2 * Vec::kLanes <= width) {
    body.template operator()<2>(column);
    column += 2 * Vec::kLanes;
  }
  if (column < width) {
    body.template operator()<1>(column);
  }
}

/// to[j * to_stride + i] = from[i * from_stride + j] for i in [0, rows), j in [0, columns), both
/// multiples of four.
inline void transpose(const float* from, std::int64_t from_stride, std::int64_t rows,
                      std::int64_t columns, float* to, std::int64_t to_stride) {
  for (std::int64_t i = 0; i < rows; i += 4) {
    for (std::int64_t j = 0; j < columns; j += 4) {
      const float* block = from + i * from_stride + j;
      const __m128 a = _mm_loadu_ps(block);
      const __m128 b = _mm_loadu_ps(block + from_stride);
      const __m128 c = _mm_loadu_ps(block + 2 * from_stride);
      const __m128 d = _mm_loadu_ps(block + 3 * from_stride);
      const __m128 ab_low = _mm_unpacklo_ps(a, b);
      const __m128 ab_high = _mm_unpackhi_ps(a, b);
      const __m128 cd_low = _mm_unpacklo_ps(c, d);
      const __m128 cd_high = _mm_unpackhi_ps(c, d);
      float* out = to + j * to_stride + i;
      _mm_storeu_ps(out, _mm_movelh_ps(ab_low, cd_low));
      _mm_storeu_ps(out + to_stride, _mm_movehl_ps(cd_low, ab_low));
      _mm_storeu_ps(out + 2 * to_stride, _mm_movelh_ps(ab_high, cd_high));
      _mm_storeu_ps(out + 3 * to_stride, _mm_movehl_ps(cd_high, ab_high));
    }
  }
}

/// Rows of two operands whose dot products are taken; element (row, i) at data[row * stride + i].
template <class T>
struct DotOperands {
  const float* a;
  std::int64_t a_stride;
  const T* b;
  std::int64_t b_stride;
  std::int64_t width;  // a multiple of Vec::kLanes
};

/// The dot products of kRows rows of a with four of b; emit(row, products) receives each four.
template <int kRows, class T, class Emit>
inline void dot_tile(const DotOperands<T>& x, const Emit& emit) {
  TileRow<4> sums[std::size_t{kRows}] = {};
  for (std::int64_t i = 0; i < x.width; i += Vec::kLanes) {
    TileRow<4> right;
    for (int c = 0; c < 4; ++c) {
      right.at[c] = cpu::load(x.b + c * x.b_stride + i);
    }
    for (int r = 0; r < kRows; ++r) {
      const Vec left = cpu::load(x.a + r * x.a_stride + i);
      for (int c = 0; c < 4; ++c) {
        sums[r].at[c] = cpu::fma(left, right.at[c], sums[r].at[c]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    emit(r, cpu::sum4(sums[r].at[0], sums[r].at[1], sums[r].at[2], sums[r].at[3]));
  }
}

/// The same for kTileRows rows of a, in as many parts as the registers ask for.
template <class T, class Emit>
inline void dot_rows(DotOperands<T> x, const Emit& emit) {
  if constexpr (Vec::kLanes == 16) {
    dot_tile<4>(x, emit);
  } else {
    dot_tile<2>(x, emit);
    x.a += 2 * x.a_stride;
    dot_tile<2>(x, [&](int r, auto products) { emit(r + 2, products); });
  }
}

}  // namespace
}  // namespace minimax::ops
