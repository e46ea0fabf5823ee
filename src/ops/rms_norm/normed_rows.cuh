// SPDX-License-Identifier: Apache-2.0
// The kernel of all operations that norm rows, with what stands before and behind the norm.
// Grid: a block for every row. Block: 1024 threads. The row stays in registers: of a single one
// what counts is how soon all loads are on their way.
//
// Ends names the type of what a thread keeps for an element, and has: load(at, kept), the element
// to be normed; store(at, value, kept), given the normed and weighted element. `at` counts the
// elements of all rows.
#pragma once

#include <string>

#include "base/check.h"
#include "cuda/kernel.cuh"
#include "cuda/launch_order.cuh"

namespace minimax::ops::cuda {

inline constexpr int kNormThreads = 1024;
inline constexpr int kNormMostElements = 16;  // of a thread

/// Rows to norm.
struct NormedRows {
  const float* weight;  // [width]
  float eps;
  int width;
  std::int64_t count;
};

/// The sum over all threads, in every thread.
__device__ inline float sum_over_norm_block(float value) {
  using minimax::cuda::kWarp;
  static_assert(kNormThreads / kWarp == kWarp, "a warp sums up the warps");
  __shared__ float parts[kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  value = minimax::cuda::warp_sum(value);
  if (lane == 0) {
    parts[threadIdx.x / kWarp] = value;
  }
  __syncthreads();
  return minimax::cuda::warp_sum(parts[lane]);
}

template <int elements, class Ends>
__global__ void __launch_bounds__(kNormThreads) norm_kernel(NormedRows rows, Ends ends) {
  minimax::cuda::let_next_kernel_start();
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * rows.width;
  float values[elements];
  float weights[elements];
  typename Ends::Kept kept[elements];
#pragma unroll
  for (int j = 0; j < elements; ++j) {
    const int i = static_cast<int>(threadIdx.x) + j * kNormThreads;
    weights[j] = i < rows.width ? rows.weight[i] : 0.0f;
  }
  minimax::cuda::wait_for_kernels_ahead();
#pragma unroll
  for (int j = 0; j < elements; ++j) {
    const int i = static_cast<int>(threadIdx.x) + j * kNormThreads;
    values[j] = i < rows.width ? ends.load(first + i, kept[j]) : 0.0f;
  }
  float squares = 0.0f;
#pragma unroll
  for (int j = 0; j < elements; ++j) {
    squares += values[j] * values[j];
  }
  const float mean = sum_over_norm_block(squares) / static_cast<float>(rows.width);
  const float scale = 1.0f / sqrtf(mean + rows.eps);
#pragma unroll
  for (int j = 0; j < elements; ++j) {
    const int i = static_cast<int>(threadIdx.x) + j * kNormThreads;
    if (i < rows.width) {
      ends.store(first + i, values[j] * scale * weights[j], kept[j]);
    }
  }
}

template <int elements, class Ends>
void launch_norm(const NormedRows& rows, const Ends& ends, const char* name, cudaStream_t stream) {
  minimax::cuda::launch_early(
      name, &norm_kernel<elements, Ends>,
      {.blocks = static_cast<unsigned>(rows.count), .threads = kNormThreads, .shared_bytes = 0},
      stream, rows, ends);
}

/// Throws: Error{kUnsupported} for wide rows, Error{kDevice}.
template <class Ends>
void norm_rows(const NormedRows& rows, const Ends& ends, const char* name, cudaStream_t stream) {
  base::check(rows.width <= kNormThreads * kNormMostElements, ErrorCode::kUnsupported, [&] {
    return std::string(name) + ": expected rows of at most 16384 elements on a GPU";
  });
  if (rows.count == 0) {
    return;
  }
  if (rows.width <= kNormThreads * 2) {
    launch_norm<2>(rows, ends, name, stream);
  } else if (rows.width <= kNormThreads * 8) {
    launch_norm<8>(rows, ends, name, stream);
  } else {
    launch_norm<kNormMostElements>(rows, ends, name, stream);
  }
}

/// The rows of an operation on x and weight.
inline NormedRows normed_rows(const tensor::Tensor& x, const tensor::Tensor& weight, double eps) {
  return {.weight = weight.data<float>(),
          .eps = static_cast<float>(eps),
          .width = static_cast<int>(x.shape()[1]),
          .count = x.shape()[0]};
}

}  // namespace minimax::ops::cuda
