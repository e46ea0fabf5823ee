// SPDX-License-Identifier: Apache-2.0
// sigmoid_blend on the GPU: one thread an element.
#include "cuda/gates.cuh"
#include "cuda/kernel.cuh"
#include "ops/sigmoid_blend/sigmoid_blend_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::sigmoid;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

template <class T>
void run(const Context& ctx, const float* coefficient, const T* routed, const T* shared,
         const tensor::Tensor& out) {
  T* to = elements<T>(out);
  const std::int64_t width = out.shape()[1];
  for_each(ctx.cuda->stream(), out.elements(), "sigmoid_blend", [=] __device__(std::int64_t i) {
    const float share = sigmoid(coefficient[i / width]);
    to[i] = from_float<T>((1.0f - share) * to_float(routed[i]) + share * to_float(shared[i]));
  });
}

}  // namespace

void sigmoid_blend(const Context& ctx, const tensor::Tensor& coefficient,
                   const tensor::Tensor& routed, const tensor::Tensor& shared,
                   const tensor::Tensor& out) {
  visit_activations(out.dtype(), [&]<class T>() {
    run(ctx, coefficient.data<float>(), elements<T>(routed), elements<T>(shared), out);
  });
}

}  // namespace minimax::ops::cuda
