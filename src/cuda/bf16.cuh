// SPDX-License-Identifier: Apache-2.0
// Pairs of bf16 numbers in one register, as the tensor cores and 4-byte loads have them: the first
// number in the low half.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

namespace minimax::cuda {

/// Rounds to nearest even.
__device__ inline std::uint32_t pack_bf16(float low, float high) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

__device__ inline float low_bf16(std::uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float high_bf16(std::uint32_t pair) {
  return __uint_as_float(pair & 0xffff0000u);
}

}  // namespace minimax::cuda
