// SPDX-License-Identifier: Apache-2.0
// Tiles of quantized keys or values, heads of 128, as bf16 in shared memory: halves of 64 columns,
// rows of 128 bytes, swizzled as the copy engine leaves tiles. A thread has pieces of 16 bytes of
// codes; they wait in registers while the tile is still in use.
#pragma once

#include <cuda_fp16.h>

#include <cstdint>

#include "cuda/bf16.cuh"
#include "ops/softmax_attention/kv_format.h"
#include "ops/softmax_attention/softmax_attention.h"

namespace minimax::ops::cuda {

enum class KvKind { kBf16, kFp8, kInt4 };

/// Two numbers of e4m3, the first in the low byte, as float32.
__device__ inline float2 two_of_e4m3(std::uint32_t codes) {
  std::uint32_t halves;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"(static_cast<unsigned short>(codes)));
  return __half22float2(*reinterpret_cast<const __half2*>(&halves));
}

/// Four codes of 4 bytes as bf16.
__device__ inline uint2 expand_fp8(std::uint32_t codes, float scale) {
  const float2 low = two_of_e4m3(codes & 0xffffu);
  const float2 high = two_of_e4m3(codes >> 16);
  return {minimax::cuda::pack_bf16(low.x * scale, low.y * scale),
          minimax::cuda::pack_bf16(high.x * scale, high.y * scale)};
}

/// The two codes of byte `byte` of a word as bf16. In bf16, 0x4300 + code is 128 + code.
__device__ inline std::uint32_t expand_int4(std::uint32_t codes, int byte, float scale) {
  const std::uint32_t both = codes >> (8 * byte);
  const std::uint32_t pair = (both & 0xfu) | (both << 12 & 0xf0000u) | 0x43004300u;
  const float offset = -136.0f * scale;
  return minimax::cuda::pack_bf16(fmaf(minimax::cuda::low_bf16(pair), scale, offset),
                                  fmaf(minimax::cuda::high_bf16(pair), scale, offset));
}

template <KvKind kind, int rows, int threads>
class KvPieces {
 public:
  static constexpr int kDim = 128;
  static constexpr int kRowBytes = kind == KvKind::kFp8 ? 128 : 64;
  static constexpr int kInRow = kRowBytes / 16;
  static constexpr int kCount = rows * kInRow / threads;
  static_assert(rows * kInRow % threads == 0);

  /// The rows of a page's head from key `key` on, of which `valid` count; the others become zero.
  __device__ void load(const KvCacheView& cache, int kv_heads, int page_head, int key, int valid,
                       int thread) {
    const auto page_tokens = static_cast<int>(cache.page_tokens);
    const std::byte* page = cache.pages.data()[key / page_tokens - cache.first_page];
    const std::int64_t first =
        static_cast<std::int64_t>(page_head) * page_tokens + key % page_tokens;
    const std::byte* scales =
        page + static_cast<std::int64_t>(2 * kv_heads) * page_tokens * kRowBytes;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int piece = i * threads + thread;
      const bool counts = piece / kInRow < valid;
      codes_[i] =
          counts ? *reinterpret_cast<const uint4*>(page + first * kRowBytes + piece * 16) : uint4{};
      scale_[i] = counts ? scale_at(scales, first * kInRow + piece) : 0.0f;
    }
  }

  __device__ void store(std::byte* tile, int thread) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int piece = i * threads + thread;
      store_piece(tile, piece / kInRow, piece % kInRow, codes_[i], scale_[i]);
    }
  }

 private:
  __device__ static float scale_at(const std::byte* scales, std::int64_t piece) {
    if constexpr (kind == KvKind::kFp8) {
      return reinterpret_cast<const float*>(scales)[piece / kInRow];
    } else {
      return __uint_as_float(
          static_cast<std::uint32_t>(reinterpret_cast<const std::uint16_t*>(scales)[piece]) << 16);
    }
  }

  __device__ static void store_piece(std::byte* tile, int row, int piece, const uint4& codes,
                                     float scale) {
    const std::uint32_t words[] = {codes.x, codes.y, codes.z, codes.w};
    constexpr int kOut = kDim / kInRow / 8;  // pieces of 8 bf16
#pragma unroll
    for (int i = 0; i < kOut; ++i) {
      const int out = piece * kOut + i;
      uint4 numbers;
      if constexpr (kind == KvKind::kFp8) {
        const uint2 low = expand_fp8(words[2 * i], scale);
        const uint2 high = expand_fp8(words[2 * i + 1], scale);
        numbers = {low.x, low.y, high.x, high.y};
      } else {
        numbers = {expand_int4(words[i], 0, scale), expand_int4(words[i], 1, scale),
                   expand_int4(words[i], 2, scale), expand_int4(words[i], 3, scale)};
      }
      *reinterpret_cast<uint4*>(tile + out / 8 * rows * 128 + row * 128 +
                                (out % 8 ^ row % 8) * 16) = numbers;
    }
  }

  uint4 codes_[kCount];
  float scale_[kCount];
};

}  // namespace minimax::ops::cuda
