// SPDX-License-Identifier: Apache-2.0
// rms_norm on the GPU: one block a row, which is read twice, the second time from the cache.
#include "cuda/kernel.cuh"
#include "ops/rms_norm/rms_norm_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::block_sum;
using minimax::cuda::check_launch;
using minimax::cuda::elements;
using minimax::cuda::from_float;
using minimax::cuda::kWarp;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

constexpr int kThreads = 256;

template <class X, class Out>
__global__ void rms_norm_kernel(const X* x, const float* weight, float eps, std::int64_t width,
                                Out* out) {
  __shared__ float parts[kThreads / kWarp];
  const X* row = x + blockIdx.x * width;
  float squares = 0.0f;
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    const float value = to_float(row[i]);
    squares += value * value;
  }
  const float mean = block_sum(squares, parts) / static_cast<float>(width);
  const float scale = 1.0f / sqrtf(mean + eps);
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    out[blockIdx.x * width + i] = from_float<Out>(to_float(row[i]) * scale * weight[i]);
  }
}

}  // namespace

void rms_norm(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& weight, double eps,
              const tensor::Tensor& out) {
  const std::int64_t rows = x.shape()[0];
  if (rows == 0) {
    return;
  }
  visit_activations(x.dtype(), [&]<class X>() {
    visit_activations(out.dtype(), [&]<class Out>() {
      rms_norm_kernel<<<static_cast<unsigned>(rows), kThreads, 0, ctx.cuda->stream()>>>(
          elements<X>(x), weight.data<float>(), static_cast<float>(eps), x.shape()[1],
          elements<Out>(out));
    });
  });
  check_launch("rms_norm");
}

}  // namespace minimax::ops::cuda
