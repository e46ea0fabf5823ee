// SPDX-License-Identifier: Apache-2.0
// Puts rows of activations into shared memory as the tensor cores want them: bf16 as they are,
// or as integers of two bytes in two rows.
#pragma once

#include <cstdint>

#include "ops/device_matrix/stream_tiles.cuh"

namespace minimax::ops::cuda {

/// Rows of one matrix in device memory, [., columns] of bf16.
struct RowSource {
  const void* data;
  int columns;
};

/// The columns of a part.
struct ColumnRange {
  int begin;
  int count;
};

/// Eight bf16 numbers of a row, zeros beyond its end.
__device__ inline uint4 load_bf16_columns(const std::uint16_t* row, int column, int columns) {
  if (column + 8 <= columns && columns % 8 == 0) {
    return __ldcg(reinterpret_cast<const uint4*>(row + column));
  }
  const auto at = [&](int i) -> std::uint32_t {
    return column + i < columns ? __ldcg(row + column + i) : 0u;
  };
  return make_uint4(at(0) | at(1) << 16, at(2) | at(3) << 16, at(4) | at(5) << 16,
                    at(6) | at(7) << 16);
}

/// Sums of the groups of rows of bf16, for formats whose codes are biased or have minima.
template <class F>
__device__ void sum_groups(const StreamRows& x, int columns) {
  constexpr int kGroup = F::kTile.group;
  auto* sums = static_cast<float*>(x.groups);
  for (int i = static_cast<int>(threadIdx.x); i < columns / kGroup * 8; i += kStreamThreads) {
    const int row = i % 8 < x.rows ? i % 8 : 0;
    const auto* from = reinterpret_cast<const uint4*>(x.data + row * x.stride + i / 8 * kGroup * 2);
    float sum = 0.0f;
#pragma unroll
    for (int j = 0; j < kGroup / 8; ++j) {
      const uint4 v = from[j];
      sum += minimax::cuda::low_bf16(v.x) + minimax::cuda::high_bf16(v.x);
      sum += minimax::cuda::low_bf16(v.y) + minimax::cuda::high_bf16(v.y);
      sum += minimax::cuda::low_bf16(v.z) + minimax::cuda::high_bf16(v.z);
      sum += minimax::cuda::low_bf16(v.w) + minimax::cuda::high_bf16(v.w);
    }
    sums[i] = sum;
  }
}

/// Copies the columns of all rows as bf16; row_of(r) is the row of the source that row r of x is
/// taken from.
template <class F, class RowOf>
__device__ void stage_bf16(const RowSource& source, const StreamRows& x, const ColumnRange& range,
                           RowOf row_of) {
  const int vectors = range.count / 8;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < x.rows * vectors; i += kStreamThreads) {
    const int r = i / vectors;
    const int column = (i - r * vectors) * 8;
    const std::int64_t offset = static_cast<std::int64_t>(row_of(r)) * source.columns;
    *reinterpret_cast<uint4*>(x.data + r * x.stride + column * 2) =
        load_bf16_columns(static_cast<const std::uint16_t*>(source.data) + offset,
                          range.begin + column, source.columns);
  }
  if constexpr (F::kBias != 0.0f || F::Scales::kHasMin) {
    __syncthreads();
    sum_groups<F>(x, range.count);
  }
}

/// Over the lanes of a group of `lanes`.
template <int lanes>
__device__ int group_sum(int value) {
#pragma unroll
  for (int offset = lanes / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  return value;
}

/// Eight numbers as integers of two bytes, four to a word.
struct IntegerColumns {
  std::uint32_t high[2];
  std::uint32_t low[2];
};

/// Added to integers below 2^22 in magnitude, it has them in its low bits.
inline constexpr float kMagic = 12582912.0f;

/// The power of two under which the largest number of a group has 15 bits, or 14 where its high
/// byte would be 128, and its reciprocal; from the bits of that number.
__device__ inline float2 integer_scale(std::uint32_t largest) {
  const std::uint32_t exponent = max((largest + 0x10000u) >> 23, 15u);
  return make_float2(__uint_as_float((exponent - 14) << 23),
                     __uint_as_float((268 - exponent) << 23));
}

/// Rounds: the sum with kMagic has the integer in its low bits, that with 128 more the rounded high
/// byte.
__device__ inline IntegerColumns to_integers(const uint4& pairs, float reciprocal) {
  const std::uint32_t words[4] = {pairs.x, pairs.y, pairs.z, pairs.w};
  std::uint32_t low[8];
  std::uint32_t high[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const float value =
        i % 2 == 0 ? minimax::cuda::low_bf16(words[i / 2]) : minimax::cuda::high_bf16(words[i / 2]);
    low[i] = __float_as_uint(fmaf(value, reciprocal, kMagic));
    high[i] = low[i] + 128;
  }
  IntegerColumns columns;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    columns.low[i] = __byte_perm(__byte_perm(low[4 * i], low[4 * i + 1], 0x0040),
                                 __byte_perm(low[4 * i + 2], low[4 * i + 3], 0x0040), 0x5410);
    columns.high[i] = __byte_perm(__byte_perm(high[4 * i], high[4 * i + 1], 0x0051),
                                  __byte_perm(high[4 * i + 2], high[4 * i + 3], 0x0051), 0x5410);
  }
  return columns;
}

/// The operand's order of 16 columns: 2 j, 2 j + 8, 2 j + 1, 2 j + 9 for j = 0 .. 3. The lane of
/// the first eight gives the high bytes, that of the others the low ones.
__device__ inline uint4 operand_bytes(const IntegerColumns& own, bool second) {
  const std::uint32_t first = __shfl_xor_sync(0xffffffffu, second ? own.high[0] : own.low[0], 1);
  const std::uint32_t next = __shfl_xor_sync(0xffffffffu, second ? own.high[1] : own.low[1], 1);
  const std::uint32_t a0 = second ? first : own.high[0];
  const std::uint32_t a1 = second ? next : own.high[1];
  const std::uint32_t b0 = second ? own.low[0] : first;
  const std::uint32_t b1 = second ? own.low[1] : next;
  return make_uint4(__byte_perm(a0, b0, 0x5140), __byte_perm(a0, b0, 0x7362),
                    __byte_perm(a1, b1, 0x5140), __byte_perm(a1, b1, 0x7362));
}

template <class F>
__device__ IntegerGroup integer_group(const IntegerColumns& columns, float scale, bool finite) {
  const float known = finite ? scale : __int_as_float(0x7fffffff);
  float sum = 0.0f;
  if constexpr (F::Scales::kHasMin) {
    constexpr int kLanes = F::kTile.group / 8;
    int high = __dp4a(static_cast<int>(columns.high[0]), 0x01010101, 0);
    high = group_sum<kLanes>(__dp4a(static_cast<int>(columns.high[1]), 0x01010101, high));
    int low = __dp4a(static_cast<int>(columns.low[0]), 0x01010101, 0);
    low = group_sum<kLanes>(__dp4a(static_cast<int>(columns.low[1]), 0x01010101, low));
    sum = known * static_cast<float>(256 * high + low);
  }
  return {known * kCodeScale<F>, sum};
}

/// Rounds eight columns of a row, which this lane has loaded, as the lanes of the other columns of
/// the group do. A group with an infinity or NaN becomes NaN.
template <class F>
__device__ void stage_integers(const StreamRows& x, int row, int vector, const uint4& words,
                               bool present) {
  constexpr int kLanes = F::kTile.group / 8;
  std::uint32_t pairs = __vmaxu2(__vmaxu2(words.x & 0x7fff7fffu, words.y & 0x7fff7fffu),
                                 __vmaxu2(words.z & 0x7fff7fffu, words.w & 0x7fff7fffu));
#pragma unroll
  for (int lane = kLanes / 2; lane > 0; lane /= 2) {
    pairs = __vmaxu2(pairs, __shfl_xor_sync(0xffffffffu, pairs, lane));
  }
  const std::uint32_t largest = max(pairs & 0xffff0000u, pairs << 16);
  const float2 scale = integer_scale(largest);
  const IntegerColumns columns = to_integers(words, scale.y);
  const uint4 bytes = operand_bytes(columns, vector % 2 != 0);
  const IntegerGroup group = integer_group<F>(columns, scale.x, largest < 0x7f800000u);
  if (present) {
    *reinterpret_cast<uint4*>(x.data + (2 * row + vector % 2) * x.stride + vector / 2 * 16) = bytes;
    if (vector % kLanes == 0) {
      static_cast<IntegerGroup*>(x.groups)[vector / kLanes * 8 + row] = group;
    }
  }
}

/// The vectors of eight columns that a thread rounds, without divisions.
struct StagedVector {
  int row;
  int vector;

  __device__ StagedVector(int index, int vectors) : row(0), vector(index) { wrap(vectors); }
  __device__ void advance(int vectors) {
    vector += kStreamThreads;
    wrap(vectors);
  }
  __device__ void wrap(int vectors) {
    while (vector >= vectors) {
      vector -= vectors;
      ++row;
    }
  }
};

/// Rounds the columns of all rows to integers; several loads of a thread are on their way at a
/// time. The code stands there once, though: it is run a few times a launch, and has to be fetched.
template <class F, class RowOf>
__device__ void stage_integer_rows(const RowSource& source, const StreamRows& x,
                                   const ColumnRange& range, RowOf row_of) {
  constexpr int kLoads = 4;
  const int vectors = range.count / 8;
  const int all = x.rows * vectors;  // those of a group lie within a warp's: either all or none
  StagedVector ahead(static_cast<int>(threadIdx.x), vectors);
  StagedVector here = ahead;
  const auto load = [&] {
    uint4 loaded = make_uint4(0, 0, 0, 0);
    if (ahead.row < x.rows) {
      const std::int64_t offset = static_cast<std::int64_t>(row_of(ahead.row)) * source.columns;
      loaded = load_bf16_columns(static_cast<const std::uint16_t*>(source.data) + offset,
                                 range.begin + 8 * ahead.vector, source.columns);
    }
    ahead.advance(vectors);
    return loaded;
  };
  uint4 words[kLoads];
#pragma unroll
  for (int j = 0; j < kLoads; ++j) {
    words[j] = load();
  }
#pragma unroll 1
  for (int i = static_cast<int>(threadIdx.x); i < (all + 31) / 32 * 32; i += kStreamThreads) {
    const uint4 now = words[0];
#pragma unroll
    for (int j = 0; j + 1 < kLoads; ++j) {
      words[j] = words[j + 1];
    }
    words[kLoads - 1] = load();
    stage_integers<F>(x, here.row, here.vector, now, i < all);
    here.advance(vectors);
  }
}

/// Puts a part of the rows into shared memory; a barrier of the block follows.
template <class F, StreamMode mode, class RowOf>
__device__ void stage_rows(const RowSource& source, const StreamRows& x, const ColumnRange& range,
                           RowOf row_of) {
  if constexpr (mode == StreamMode::kInteger) {
    stage_integer_rows<F>(source, x, range, row_of);
  } else {
    stage_bf16<F>(source, x, range, row_of);
  }
}

/// Fills the table of pairs of levels of a format that has one.
template <class F>
__device__ void fill_table(std::uint32_t* table) {
  if constexpr (F::Codes::kTable) {
    for (int i = static_cast<int>(threadIdx.x); i < 256 * 32; i += kStreamThreads) {
      const int byte = i / 32;
      table[i] = minimax::cuda::pack_bf16(table_level<F::kFormat>(byte % 16),
                                          table_level<F::kFormat>(byte / 16));
    }
  }
}

}  // namespace minimax::ops::cuda
