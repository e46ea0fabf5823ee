// SPDX-License-Identifier: Apache-2.0
// What kernels and their launches share: elements of two types, sums over a block, grids.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>
#include <utility>

#include "cuda/check.h"
#include "cuda/launch_order.cuh"
#include "tensor/tensor.h"

namespace minimax::cuda {

using BFloat16 = __nv_bfloat16;

inline constexpr int kWarp = 32;

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(BFloat16 value) { return __bfloat162float(value); }

/// Rounds to nearest even.
template <class T>
__device__ inline T from_float(float value) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return value;
  } else {
    return __float2bfloat16_rn(value);
  }
}

/// The elements of activations, which are F32 or BF16.
template <class T>
T* elements(const tensor::Tensor& tensor) {
  return reinterpret_cast<T*>(tensor.bytes_begin());
}

/// Calls visitor.operator()<T>() with the type of activations.
template <class Visitor>
decltype(auto) visit_activations(tensor::DType dtype, Visitor&& visitor) {
  return dtype == tensor::DType::kBF16 ? visitor.template operator()<BFloat16>()
                                       : visitor.template operator()<float>();
}

__device__ inline float warp_sum(float value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  return value;
}

/// The sum over all threads of a block, in every thread. `parts` is shared memory of one value a
/// warp. Requires: whole warps, and that all threads come here.
__device__ inline float block_sum(float value, float* parts) {
  value = warp_sum(value);
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  if (threadIdx.x % kWarp == 0) {
    parts[threadIdx.x / kWarp] = value;
  }
  __syncthreads();
  float sum = 0.0f;
  for (int i = 0; i < warps; ++i) {
    sum += parts[i];
  }
  __syncthreads();
  return sum;
}

/// Blocks of `size` that cover `count`.
inline unsigned blocks_for(std::int64_t count, std::int64_t size) {
  return static_cast<unsigned>((count + size - 1) / size);
}

/// The number of this thread in its grid.
__device__ inline std::int64_t thread_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

template <class F>
__global__ void for_each_kernel(std::int64_t count, F body) {
  let_next_kernel_start();
  wait_for_kernels_ahead();
  const std::int64_t i = thread_index();
  if (i < count) {
    body(i);
  }
}

/// Runs body(i) for every i below `count`, one thread each.
template <class F>
void for_each(cudaStream_t stream, std::int64_t count, const char* name, F body) {
  constexpr int kThreads = 256;
  if (count > 0) {
    launch_early(name, &for_each_kernel<F>,
                 {.blocks = blocks_for(count, kThreads), .threads = kThreads, .shared_bytes = 0},
                 stream, count, body);
  }
}

}  // namespace minimax::cuda
