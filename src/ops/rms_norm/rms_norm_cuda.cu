// SPDX-License-Identifier: Apache-2.0
// rms_norm on the GPU: one block a row.
#include "base/check.h"
#include "cuda/kernel.cuh"
#include "ops/rms_norm/rms_norm_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::check_launch;
using minimax::cuda::elements;
using minimax::cuda::from_float;
using minimax::cuda::kWarp;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;
using minimax::cuda::warp_sum;

constexpr int kThreads = 1024;
constexpr int kMostElements = 16;  // of a thread

// The sum over all threads, in every thread.
__device__ float sum_over_block(float value, float* parts) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  value = warp_sum(value);
  if (lane == 0) {
    parts[threadIdx.x / kWarp] = value;
  }
  __syncthreads();
  return warp_sum(parts[lane]);
}

// One block a row, which stays in registers: of a single row what counts is how soon all loads are
// on their way.
template <class X, class Out, int kElements>
__global__ void __launch_bounds__(kThreads)
    rms_norm_kernel(const X* x, const float* weight, float eps, int width, Out* out) {
  __shared__ float parts[kThreads / kWarp];
  static_assert(kThreads / kWarp == kWarp, "a warp sums up the warps");
  const X* row = x + static_cast<std::int64_t>(blockIdx.x) * width;
  float values[kElements];
  float weights[kElements];
  float squares = 0.0f;
#pragma unroll
  for (int j = 0; j < kElements; ++j) {
    const int i = static_cast<int>(threadIdx.x) + j * kThreads;
    values[j] = i < width ? to_float(row[i]) : 0.0f;
    weights[j] = i < width ? weight[i] : 0.0f;
  }
#pragma unroll
  for (int j = 0; j < kElements; ++j) {
    squares += values[j] * values[j];
  }
  const float mean = sum_over_block(squares, parts) / static_cast<float>(width);
  const float scale = 1.0f / sqrtf(mean + eps);
#pragma unroll
  for (int j = 0; j < kElements; ++j) {
    const int i = static_cast<int>(threadIdx.x) + j * kThreads;
    if (i < width) {
      out[static_cast<std::int64_t>(blockIdx.x) * width + i] =
          from_float<Out>(values[j] * scale * weights[j]);
    }
  }
}

/// What the kernel reads and writes.
template <class X, class Out>
struct Rows {
  const X* x;
  const float* weight;
  float eps;
  int width;
  Out* out;
  unsigned count;
};

template <int kElements, class X, class Out>
void run(const Rows<X, Out>& rows, cudaStream_t stream) {
  rms_norm_kernel<X, Out, kElements>
      <<<rows.count, kThreads, 0, stream>>>(rows.x, rows.weight, rows.eps, rows.width, rows.out);
}

}  // namespace

void rms_norm(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& weight, double eps,
              const tensor::Tensor& out) {
  const std::int64_t rows = x.shape()[0];
  if (rows == 0) {
    return;
  }
  base::check(x.shape()[1] <= kThreads * kMostElements, ErrorCode::kUnsupported,
              "rms_norm: expected rows of at most 16384 elements on a GPU");
  visit_activations(x.dtype(), [&]<class X>() {
    visit_activations(out.dtype(), [&]<class Out>() {
      const Rows<X, Out> args{.x = elements<X>(x),
                              .weight = weight.data<float>(),
                              .eps = static_cast<float>(eps),
                              .width = static_cast<int>(x.shape()[1]),
                              .out = elements<Out>(out),
                              .count = static_cast<unsigned>(rows)};
      if (args.width <= kThreads * 2) {
        run<2>(args, ctx.cuda->stream());
      } else if (args.width <= kThreads * 8) {
        run<8>(args, ctx.cuda->stream());
      } else {
        run<kMostElements>(args, ctx.cuda->stream());
      }
    });
  });
  check_launch("rms_norm");
}

}  // namespace minimax::ops::cuda
