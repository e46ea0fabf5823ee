// SPDX-License-Identifier: Apache-2.0
// Neighbouring elements of activations as float32, loaded and stored in one access.
#pragma once

#include "cuda/bf16.cuh"
#include "cuda/kernel.cuh"

namespace minimax::cuda {

/// n neighbours.
template <int n>
struct Numbers {
  float of[n];
};

/// `from` is aligned to n elements. n is 1 or 4.
template <int n>
__device__ Numbers<n> load_numbers(const float* from) {
  if constexpr (n == 4) {
    const float4 v = *reinterpret_cast<const float4*>(from);
    return {{v.x, v.y, v.z, v.w}};
  } else {
    static_assert(n == 1);
    return {{*from}};
  }
}

template <int n>
__device__ Numbers<n> load_numbers(const BFloat16* from) {
  if constexpr (n == 4) {
    const uint2 v = *reinterpret_cast<const uint2*>(from);
    return {{low_bf16(v.x), high_bf16(v.x), low_bf16(v.y), high_bf16(v.y)}};
  } else {
    static_assert(n == 1);
    return {{to_float(*from)}};
  }
}

/// `to` is aligned as well. Rounds to nearest even.
template <int n>
__device__ void store_numbers(float* to, const Numbers<n>& numbers) {
  if constexpr (n == 4) {
    *reinterpret_cast<float4*>(to) =
        make_float4(numbers.of[0], numbers.of[1], numbers.of[2], numbers.of[3]);
  } else {
    *to = numbers.of[0];
  }
}

template <int n>
__device__ void store_numbers(BFloat16* to, const Numbers<n>& numbers) {
  if constexpr (n == 4) {
    *reinterpret_cast<uint2*>(to) = make_uint2(pack_bf16(numbers.of[0], numbers.of[1]),
                                               pack_bf16(numbers.of[2], numbers.of[3]));
  } else {
    *to = from_float<BFloat16>(numbers.of[0]);
  }
}

}  // namespace minimax::cuda
