// SPDX-License-Identifier: Apache-2.0
// The rotary table and the rotation on the GPU: one thread a pair.
#include "cuda/kernel.cuh"
#include "ops/rope/rope_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

template <class T>
void rotate(const Context& ctx, const tensor::Tensor& x, const float* cosines, const float* sines,
            std::int64_t pairs) {
  const std::int64_t heads = x.shape()[1];
  const std::int64_t head_dim = x.shape()[2];
  T* rows = elements<T>(x);
  for_each(ctx.cuda->stream(), x.shape()[0] * heads * pairs, "rope",
           [=] __device__(std::int64_t i) {
             const std::int64_t row = i / pairs;
             const std::int64_t j = i % pairs;
             const float c = cosines[row / heads * pairs + j];
             const float s = sines[row / heads * pairs + j];
             T* first = rows + row * head_dim + j;
             T* second = first + pairs;
             const float a = to_float(*first);
             const float b = to_float(*second);
             *first = from_float<T>(a * c - b * s);
             *second = from_float<T>(b * c + a * s);
           });
}

}  // namespace

// Every step is rounded as on the host; see rope.cc.
void rope_table(const Context& ctx, std::span<const std::int64_t> positions, double theta,
                const tensor::Tensor& cos, const tensor::Tensor& sin) {
  const std::int64_t pairs = cos.shape()[1];
  const std::int64_t* position = positions.data();
  float* cosines = cos.data<float>();
  float* sines = sin.data<float>();
  for_each(ctx.cuda->stream(), cos.elements(), "rope_table", [=] __device__(std::int64_t i) {
    const float exponent =
        __fdiv_rn(static_cast<float>(2 * (i % pairs)), static_cast<float>(2 * pairs));
    const float frequency =
        __fdiv_rn(1.0f, static_cast<float>(pow(theta, static_cast<double>(exponent))));
    const float angle = __fmul_rn(static_cast<float>(position[i / pairs]), frequency);
    cosines[i] = static_cast<float>(::cos(static_cast<double>(angle)));
    sines[i] = static_cast<float>(::sin(static_cast<double>(angle)));
  });
}

void rope(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& cos,
          const tensor::Tensor& sin) {
  visit_activations(x.dtype(), [&]<class T>() {
    rotate<T>(ctx, x, cos.data<float>(), sin.data<float>(), cos.shape()[1]);
  });
}

}  // namespace minimax::ops::cuda
