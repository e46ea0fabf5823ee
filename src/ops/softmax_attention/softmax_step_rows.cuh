// SPDX-License-Identifier: Apache-2.0
// Operands of mma products from keys and values as they lie in the cache, rows of 128 bf16 numbers,
// without a swizzle: bulk copies of whole rows read memory faster than boxes do, which could
// swizzle them. A lane reads pieces of 16 bytes, so the order in which numbers are multiplied is
// that of the pieces. Lane l is (l / 4, l % 4) in what follows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace minimax::ops::cuda::softmax_step {

constexpr int kRowBytes = 256;
constexpr int kKeySteps = 8;  // products along a row, 16 numbers each

__device__ inline uint4 piece_of(const std::byte* row, int piece) {
  return *reinterpret_cast<const uint4*>(row + 16 * piece);
}

/// Which pair of a row of queries is in register `column` (0 or 1, of the first or second eight
/// columns) of step `step`: the lanes of a row share 64 bytes for two steps.
__device__ inline int query_pair(int step, int column) {
  return step / 2 * 16 + static_cast<int>(threadIdx.x) % 4 * 4 + step % 2 * 2 + column;
}

/// The right operands of eight keys, of which `row` is key l / 4, in the order of query_pair. Lanes
/// of odd keys read their pieces in another order, so that eight lanes lie in different banks.
__device__ inline void load_eight_keys(const std::byte* row, std::uint32_t (&keys)[kKeySteps][2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const bool odd = lane / 4 % 2 != 0;
  uint4 pieces[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    pieces[i] = piece_of(row, 4 * (odd ? i ^ 1 : i) + lane % 4);
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const uint4& even_piece = pieces[i];
    const uint4& odd_piece = pieces[i ^ 1];
    keys[2 * i][0] = odd ? odd_piece.x : even_piece.x;
    keys[2 * i][1] = odd ? odd_piece.y : even_piece.y;
    keys[2 * i + 1][0] = odd ? odd_piece.z : even_piece.z;
    keys[2 * i + 1][1] = odd ? odd_piece.w : even_piece.w;
  }
}

/// The first number of the eight that are column `column` of products 8 table to 8 table + 7 with
/// values.
__device__ inline int first_value_of(int table, int column) {
  return table == 0 ? 8 * column : 64 + 8 * ((column + 4) % 8);
}

/// Four rows of values of a lane: keys 2 (l % 4), + 1, + 8 and + 9 of 16. words[t][i] are the
/// numbers first_value_of(t, l / 4) and on of the i-th.
struct ValueRows {
  std::uint32_t words[2][4][4];

  /// `rows` is key 0 of the 16; rows from `valid` on count as zeros, whatever they hold.
  __device__ void load(const std::byte* rows, int valid) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int column = lane / 4;
    const bool swapped = lane % 2 != 0;  // the other table first: half as many bank conflicts
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int key = lane % 4 * 2 + i % 2 + i / 2 * 8;
      const std::byte* row = rows + key * kRowBytes;
      uint4 first = piece_of(row, first_value_of(swapped ? 1 : 0, column) / 8);
      uint4 second = piece_of(row, first_value_of(swapped ? 0 : 1, column) / 8);
      if (key >= valid) {
        first = uint4{};
        second = uint4{};
      }
      set(words[0][i], swapped ? second : first);
      set(words[1][i], swapped ? first : second);
    }
  }

  /// The right operand of product `product` of 16.
  __device__ void operand(int product, std::uint32_t& low, std::uint32_t& high) const {
    const std::uint32_t(&table)[4][4] = words[product / 8];
    const int word = product % 8 / 2;
    const unsigned halves = product % 2 == 0 ? 0x5410u : 0x7632u;
    low = __byte_perm(table[0][word], table[1][word], halves);
    high = __byte_perm(table[2][word], table[3][word], halves);
  }

 private:
  __device__ static void set(std::uint32_t (&to)[4], const uint4& piece) {
    to[0] = piece.x;
    to[1] = piece.y;
    to[2] = piece.z;
    to[3] = piece.w;
  }
};

}  // namespace minimax::ops::cuda::softmax_step
