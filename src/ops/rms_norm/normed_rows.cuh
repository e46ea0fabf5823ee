// SPDX-License-Identifier: Apache-2.0
// The kernel of all operations that norm rows, with what stands before and behind the norm.
// Grid: a block for every row. Block: 512 threads. The row stays in registers: of a single one
// what counts is how soon all loads are on their way, and how few they are.
//
// Ends has load<n>(at, kept), n neighbours to be normed, and store<n>(at, values, kept), given them
// normed and weighted; `kept` is what a thread keeps of each meanwhile. `at` counts the elements of
// all rows.
#pragma once

#include <string>

#include "base/check.h"
#include "cuda/kernel.cuh"
#include "cuda/launch_order.cuh"
#include "cuda/numbers.cuh"

namespace minimax::ops::cuda {

inline constexpr int kNormThreads = 512;
inline constexpr int kNormMostElements = 32;  // of a thread

using minimax::cuda::Numbers;

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
  constexpr int kWarps = kNormThreads / kWarp;
  static_assert(kWarps <= kWarp, "a warp sums up the warps");
  __shared__ float parts[kWarps];
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  value = minimax::cuda::warp_sum(value);
  if (lane == 0) {
    parts[threadIdx.x / kWarp] = value;
  }
  __syncthreads();
  return minimax::cuda::warp_sum(lane < kWarps ? parts[lane] : 0.0f);
}

/// A thread has `groups` times n neighbours. Requires: rows of a multiple of n elements.
template <int n, int groups, class Ends>
__global__ void __launch_bounds__(kNormThreads) norm_kernel(NormedRows rows, Ends ends) {
  minimax::cuda::let_next_kernel_start();
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * rows.width;
  Numbers<n> values[groups] = {};
  Numbers<n> weights[groups] = {};
  Numbers<n> kept[groups] = {};
  const auto place = [](int j) { return (static_cast<int>(threadIdx.x) + j * kNormThreads) * n; };
#pragma unroll
  for (int j = 0; j < groups; ++j) {
    if (place(j) < rows.width) {
      weights[j] = minimax::cuda::load_numbers<n>(rows.weight + place(j));
    }
  }
  minimax::cuda::wait_for_kernels_ahead();
#pragma unroll
  for (int j = 0; j < groups; ++j) {
    if (place(j) < rows.width) {
      values[j] = ends.template load<n>(first + place(j), kept[j]);
    }
  }
  float squares = 0.0f;
#pragma unroll
  for (int j = 0; j < groups * n; ++j) {
    squares += values[j / n].of[j % n] * values[j / n].of[j % n];
  }
  const float mean = sum_over_norm_block(squares) / static_cast<float>(rows.width);
  const float scale = 1.0f / sqrtf(mean + rows.eps);
#pragma unroll
  for (int j = 0; j < groups; ++j) {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      values[j].of[i] *= scale * weights[j].of[i];
    }
    if (place(j) < rows.width) {
      ends.template store<n>(first + place(j), values[j], kept[j]);
    }
  }
}

template <int n, int groups, class Ends>
void launch_norm(const NormedRows& rows, const Ends& ends, const char* name, cudaStream_t stream) {
  minimax::cuda::launch_early(
      name, &norm_kernel<n, groups, Ends>,
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
  if (rows.width % 4 != 0) {
    launch_norm<1, kNormMostElements>(rows, ends, name, stream);
  } else if (rows.width <= kNormThreads * 4) {
    launch_norm<4, 1>(rows, ends, name, stream);
  } else if (rows.width <= kNormThreads * 16) {
    launch_norm<4, 4>(rows, ends, name, stream);
  } else {
    launch_norm<4, kNormMostElements / 4>(rows, ends, name, stream);
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
