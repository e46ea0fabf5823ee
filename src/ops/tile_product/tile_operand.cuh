// SPDX-License-Identifier: Apache-2.0
// Two tiles of weights in shared memory to left operands of wgmma. A warp multiplies two operands m
// of 16 rows: rows 8 m to 8 m + 7 of the first tile above the same rows of the second, so that of
// gate and up a thread gets the sums of both.
#pragma once

#include <cstdint>

#include "cuda/bf16.cuh"
#include "ops/device_matrix/device_formats.cuh"

namespace minimax::ops::cuda::hopper {

/// The registers of an operand from those of two tiles: pairs p of tiles are rows lane / 4 + 8 (p %
/// 2), columns + 8 (p / 2).
__device__ inline void interleave(const std::uint32_t (&first)[4], const std::uint32_t (&second)[4],
                                  std::uint32_t (&left)[2][4]) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
    left[m][0] = first[m];
    left[m][1] = second[m];
    left[m][2] = first[m + 2];
    left[m][3] = second[m + 2];
  }
}

__device__ inline void load_vector(const std::byte* from, std::uint32_t* words) {
  const uint4 v = *reinterpret_cast<const uint4*>(from);
  words[0] = v.x;
  words[1] = v.y;
  words[2] = v.z;
  words[3] = v.w;
}

/// How an operand comes about.
enum class Kind {
  kRows,      // rows of bf16 numbers
  kUnpacked,  // bf16 numbers made of codes and scales
  kE4M3,      // e4m3 numbers as they are; sums are scaled
};

/// bf16 numbers in rows: both operands stay in shared memory.
struct RowsOperand {
  static constexpr Kind kKind = Kind::kRows;
  static constexpr int kTiles = 1;  // along the sum, of a stage
  static constexpr int kTileBytes = 16 * 128;
};

/// A scale as the sum of two bf16 numbers, twice each.
struct SplitScale {
  std::uint32_t high;
  std::uint32_t low;
  __device__ explicit SplitScale(float scale) {
    high = minimax::cuda::pack_bf16(scale, scale);
    const float rest = scale - minimax::cuda::low_bf16(high);
    low = minimax::cuda::pack_bf16(rest, rest);
  }
  /// Rounded once; `pair` are integers.
  __device__ std::uint32_t times(std::uint32_t pair) const {
    return fma_bf16x2(pair, high, fma_bf16x2(pair, low, 0x80008000u));
  }
};

/// Integer codes with binary16 scales.
template <DeviceFormat format>
struct IntegerOperand {
  static constexpr Kind kKind = Kind::kUnpacked;
  static constexpr int kTiles = 1;  // along the sum, of a stage
  static constexpr DeviceTile kTile = device_tile(format);
  static constexpr int kTileBytes = kTile.bytes();
  static constexpr bool kFourBits = kTile.code_bits == 4;
  static constexpr int kWords = kFourBits ? 4 : 8;

  /// Pair p of step s as integers.
  __device__ static std::uint32_t codes(const std::uint32_t (&words)[kWords], int s, int p) {
    if constexpr (kFourBits) {
      const std::uint32_t biased = and_or(words[s] >> (4 * p), 0x000f000fu, 0x43004300u);
      return fma_bf16x2(biased, 0x3f803f80u, 0xc308c308u);  // 128 + 8 less
    } else {
      return Codes8::pair(words[2 * s + p / 2] >> (8 * (p % 2)));
    }
  }

  __device__ static void unpack(const std::byte* tile, std::uint32_t (&out)[4][4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    std::uint32_t words[kWords];
#pragma unroll
    for (int v = 0; v < kWords / 4; ++v) {
      load_vector(tile + 512 * v + 16 * lane, words + 4 * v);
    }
    const std::byte* scales = tile + kTile.code_bytes() + lane / 4 * kTile.groups() * 4;
#pragma unroll
    for (int group = 0; group < kTile.groups(); ++group) {
      const GroupScales values = HalfScales::load(scales + 4 * group);
      const SplitScale scale[2] = {SplitScale(values.scale[0]), SplitScale(values.scale[1])};
#pragma unroll
      for (int s = 0; s < kTile.group / 16; ++s) {
        const int step = group * (kTile.group / 16) + s;
#pragma unroll
        for (int p = 0; p < 4; ++p) {
          out[step][p] = scale[p % 2].times(codes(words, step, p));
        }
      }
    }
  }
  __device__ static void load(const std::byte* first, const std::byte* second,
                              std::uint32_t (&left)[4][2][4]) {
    std::uint32_t a[4][4];
    std::uint32_t b[4][4];
    unpack(first, a);
    unpack(second, b);
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      interleave(a[s], b[s], left[s]);
    }
  }
};

/// e4m3 numbers as they are; two tiles along the sum. Of 16 columns the order is 0, 8, 1, 9 for the
/// first lane of four, 2, 10, 3, 11 for the next, and so on.
struct E4M3Operand {
  static constexpr Kind kKind = Kind::kE4M3;
  static constexpr int kTiles = 2;
  static constexpr DeviceTile kTile = device_tile(DeviceFormat::kFP8);
  static constexpr int kTileBytes = 2 * kTile.bytes();

  /// left[m][s]: steps s of 32 columns.
  __device__ static void load(const std::byte* first, const std::byte* second,
                              std::uint32_t (&left)[2][4][4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      const int at = s / 2 * kTile.bytes() + 512 * (s % 2) + 16 * lane;
      std::uint32_t words[2][4];
      load_vector(first + at, words[0]);
      load_vector(second + at, words[1]);
      std::uint32_t operand[2][4];
      BytesOf8::unpack(words[0], operand[0]);
      BytesOf8::unpack(words[1], operand[1]);
      std::uint32_t pair[2][4];
      interleave(operand[0], operand[1], pair);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        left[0][s][i] = pair[0][i];
        left[1][s][i] = pair[1][i];
      }
    }
  }
  /// Of rows 8 m + lane / 4, for all 128 columns.
  __device__ static float scale(const std::byte* tile, int m) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    return FloatScales::load(tile + kTile.code_bytes() + lane / 4 * 8).scale[m];
  }
};

}  // namespace minimax::ops::cuda::hopper
