// SPDX-License-Identifier: Apache-2.0
// The product of one tile of weights with rows in shared memory, by the tensor cores: as bf16
// numbers or as integers (weight_stream.cuh says when).
#pragma once

#include <cstdint>

#include "cuda/mma.cuh"
#include "ops/device_matrix/weight_stream.cuh"

namespace minimax::ops::cuda {

/// The rows of a part in shared memory.
struct StreamRows {
  std::byte* data;  // [stored rows, stride bytes]
  void* groups;     // what is kept of groups: [groups, 8] floats, or IntegerGroup
  int stride;       // 16 bytes more than the columns take: eight rows lie in different banks
  int rows;         // of x
  int stored;       // addends of them
};

/// What is kept of a group of a row as integers.
struct IntegerGroup {
  float scale;  // a number is scale * (256 * high + low), for nibbles times kCodeScale
  float sum;    // of the numbers, where the format has minima
};

/// Integer operands are so many times the codes: nibbles without minima become signed bytes,
/// sixteen times what they stand for, so that nothing has to be taken off the sums.
template <class F>
inline constexpr bool kSignedNibbles = F::kTile.code_bits == 4 && !F::Scales::kHasMin;
template <class F>
inline constexpr float kCodeScale = kSignedNibbles<F> ? 0.0625f : 1.0f;

/// out [16, 8] += a [16, 16] b [16, 8]; as minimax::cuda::mma_bf16, but free to move among others.
__device__ inline void multiply_add(float (&out)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                    std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(out[0]), "+f"(out[1]), "+f"(out[2]), "+f"(out[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// out [16, 8] += a [16, 32] b [32, 8] of signed bytes.
__device__ inline void multiply_add_bytes(int (&out)[4], const std::uint32_t (&a)[4],
                                          std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+r"(out[0]), "+r"(out[1]), "+r"(out[2]), "+r"(out[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

template <int vectors>
__device__ void load_codes(const std::byte* tile, std::uint32_t (&words)[4 * vectors]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int v = 0; v < vectors; ++v) {
    const uint4 vector = *reinterpret_cast<const uint4*>(tile + 512 * v + 16 * lane);
    words[4 * v] = vector.x;
    words[4 * v + 1] = vector.y;
    words[4 * v + 2] = vector.z;
    words[4 * v + 3] = vector.w;
  }
}

/// Where a lane's scales of a tile begin.
template <class F>
__device__ const std::byte* lane_scales(const std::byte* tile) {
  constexpr DeviceTile kTile = F::kTile;
  return tile + kTile.code_bytes() +
         static_cast<int>(threadIdx.x) % 32 / 4 * (kTile.groups() * 2 * kTile.scale_bytes);
}

/// Sums of a lane for one row of tiles as bf16 products: rows l / 4 (first two) and l / 4 + 8,
/// columns 2 (l % 4) and the next.
template <class F>
struct BF16Tiles {
  static constexpr int kSteps = F::Codes::kSteps;
  using Sums = float[4];

  std::uint32_t rows[kSteps][2];
  std::uint32_t address;
  const float* groups;

  /// Of rows in shared memory from tile `tile` of the part on.
  __device__ BF16Tiles(const StreamRows& x, int tile) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int row = lane % 8 < x.stored ? lane % 8 : 0;
    address = minimax::cuda::shared_address(x.data + row * x.stride +
                                            tile * (2 * F::kTile.columns) + lane / 8 * 16);
    groups = static_cast<const float*>(x.groups) + tile * F::kTile.groups() * 8 + lane % 4 * 2;
  }

  __device__ void next() {
    address += 2 * F::kTile.columns;
    groups += F::kTile.groups() * 8;
  }

  __device__ void load_rows() {
#pragma unroll
    for (int s = 0; s < kSteps; s += 2) {
      std::uint32_t blocks[4];
      minimax::cuda::load_blocks(blocks, address + 32 * s);
      rows[s][0] = blocks[0];
      rows[s][1] = blocks[1];
      rows[s + 1][0] = blocks[2];
      rows[s + 1][1] = blocks[3];
    }
  }

  __device__ void multiply(const std::byte* tile, const std::uint32_t* table, Sums& out) const {
    using C = typename F::Codes;
    if constexpr (F::kFormat == DeviceFormat::kBF16) {
      multiply_plain(tile, out);
    } else {
      constexpr int kVectors = F::kTile.code_bytes() / 512;
      std::uint32_t words[4 * kVectors];
      load_codes<kVectors>(tile, words);
      WeightOperand<C::kPlanes, kSteps> a;
      C::unpack(words, a, table);
      multiply_groups(lane_scales<F>(tile), a, out);
    }
  }

  /// Plain rows, as WeightRing copies them.
  __device__ void multiply_plain(const std::byte* tile, Sums& out) const {
    const int row = static_cast<int>(threadIdx.x) % 16;
    const int half = static_cast<int>(threadIdx.x) % 32 / 16;
    const std::uint32_t at = minimax::cuda::shared_address(tile + row * kPlainRowBytes);
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      std::uint32_t a[4];
      minimax::cuda::load_blocks(a, at + ((2 * s + half) ^ row % 8) * 16);
      multiply_add(out, a, rows[s][0], rows[s][1]);
    }
  }

  __device__ void multiply_groups(const std::byte* scales, const WeightOperand<1, kSteps>& a,
                                  Sums& out) const {
    constexpr int kGroupSteps = kSteps / F::kTile.groups();
#pragma unroll
    for (int group = 0; group < F::kTile.groups(); ++group) {
      const GroupScales scale = F::Scales::load(scales + group * 2 * F::kTile.scale_bytes);
      float2 sum = make_float2(0.0f, 0.0f);
      if constexpr (F::kBias != 0.0f || F::Scales::kHasMin) {
        sum = *reinterpret_cast<const float2*>(groups + group * 8);
      }
      float c[4] = {-F::kBias * sum.x, -F::kBias * sum.y, -F::kBias * sum.x, -F::kBias * sum.y};
#pragma unroll
      for (int s = group * kGroupSteps; s < (group + 1) * kGroupSteps; ++s) {
        multiply_add(c, a.registers[0][s], rows[s][0], rows[s][1]);
      }
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        out[j] += scale.scale[j / 2] * c[j];
        if constexpr (F::Scales::kHasMin) {
          out[j] -= scale.min[j / 2] * (j % 2 == 0 ? sum.x : sum.y);
        }
      }
    }
  }

  __device__ static float4 stored(const Sums& sums) {
    return make_float4(sums[0], sums[1], sums[2], sums[3]);
  }
  /// The column of number `index` of what a lane stores.
  __device__ static int column(int lane, int index) { return lane % 4 * 2 + index % 2; }
};

/// The same as integer products: columns l % 4 and l % 4 + 4. `row_tiles` is 1 for up to four rows
/// of x, else 2.
template <class F, int row_tiles>
struct IntegerTiles {
  using Sums = float[4];
  using Bytes = std::conditional_t<F::kTile.code_bits == 4, BytesOf4<kSignedNibbles<F>>, BytesOf8>;
  static_assert(!kSignedNibbles<F> || F::kBias == 136.0f, "codes are biased by 8");

  std::uint32_t rows[row_tiles][4];
  std::uint32_t address[row_tiles];
  const IntegerGroup* groups;

  __device__ IntegerTiles(const StreamRows& x, int tile) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int n = 0; n < row_tiles; ++n) {
      const int row = 8 * n + lane % 8 < x.stored ? 8 * n + lane % 8 : 0;
      address[n] = minimax::cuda::shared_address(x.data + row * x.stride + tile * F::kTile.columns +
                                                 lane / 8 * 16);
    }
    groups = static_cast<const IntegerGroup*>(x.groups) + tile * F::kTile.groups() * 8 + lane % 4;
  }

  __device__ void next() {
#pragma unroll
    for (int n = 0; n < row_tiles; ++n) {
      address[n] += F::kTile.columns;
    }
    groups += F::kTile.groups() * 8;
  }

  __device__ void load_rows() {
#pragma unroll
    for (int n = 0; n < row_tiles; ++n) {
      minimax::cuda::load_blocks(rows[n], address[n]);
    }
  }

  __device__ void multiply(const std::byte* tile, const std::uint32_t* /*table*/, Sums& out) const {
    constexpr int kVectors = F::kTile.code_bytes() / 512;
    std::uint32_t words[4 * kVectors];
    load_codes<kVectors>(tile, words);
    const std::byte* scales = lane_scales<F>(tile);
    std::uint32_t a[2][4];
    Bytes::unpack(words, a[0]);
    Bytes::unpack(words + 2 * kVectors, a[1]);
    constexpr int kGroups = F::kTile.groups();
#pragma unroll
    for (int i = 0; i < kGroups * row_tiles; ++i) {
      const int group = i / row_tiles;
      const int n = i % row_tiles;
      const GroupScales scale = F::Scales::load(scales + group * 2 * F::kTile.scale_bytes);
      const float2 of_group = *reinterpret_cast<const float2*>(groups + group * 8 + 4 * n);
      int c[4] = {};
#pragma unroll
      for (int s = group * (2 / kGroups); s < (group + 1) * (2 / kGroups); ++s) {
        multiply_add_bytes(c, a[s], rows[n][2 * s], rows[n][2 * s + 1]);
      }
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const auto sum = static_cast<float>(256 * c[2 * r] + c[2 * r + 1]);  // below 2^29
        out[n + 2 * r] += scale.scale[r] * of_group.x * sum;
        if constexpr (F::Scales::kHasMin) {
          out[n + 2 * r] -= scale.min[r] * of_group.y;
        }
      }
    }
  }

  __device__ static float4 stored(const Sums& sums) {
    return make_float4(sums[0], sums[1], sums[2], sums[3]);
  }
  __device__ static int column(int lane, int index) { return lane % 4 + 4 * (index % 2); }
};

}  // namespace minimax::ops::cuda
