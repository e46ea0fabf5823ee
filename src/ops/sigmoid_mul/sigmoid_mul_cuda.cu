// SPDX-License-Identifier: Apache-2.0
// sigmoid_mul on the GPU: one thread an element.
#include "cuda/gates.cuh"
#include "cuda/kernel.cuh"
#include "ops/sigmoid_mul/sigmoid_mul_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::sigmoid;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

template <class T>
void run(const Context& ctx, const T* x, const T* gate, const tensor::Tensor& out) {
  T* to = elements<T>(out);
  for_each(ctx.cuda->stream(), out.elements(), "sigmoid_mul", [=] __device__(std::int64_t i) {
    to[i] = from_float<T>(to_float(x[i]) * sigmoid(to_float(gate[i])));
  });
}

}  // namespace

void sigmoid_mul(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& gate,
                 const tensor::Tensor& out) {
  visit_activations(out.dtype(),
                    [&]<class T>() { run(ctx, elements<T>(x), elements<T>(gate), out); });
}

}  // namespace minimax::ops::cuda
