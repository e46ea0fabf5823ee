// SPDX-License-Identifier: Apache-2.0
// silu_mul on the GPU: one thread an element.
#include "cuda/gates.cuh"
#include "cuda/kernel.cuh"
#include "ops/silu_mul/silu_mul_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::silu;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

template <class T>
void run(const Context& ctx, const T* gate, const T* up, const tensor::Tensor& out) {
  T* to = elements<T>(out);
  for_each(ctx.cuda->stream(), out.elements(), "silu_mul", [=] __device__(std::int64_t i) {
    to[i] = from_float<T>(silu(to_float(gate[i])) * to_float(up[i]));
  });
}

}  // namespace

void silu_mul(const Context& ctx, const tensor::Tensor& gate, const tensor::Tensor& up,
              const tensor::Tensor& out) {
  visit_activations(out.dtype(),
                    [&]<class T>() { run(ctx, elements<T>(gate), elements<T>(up), out); });
}

}  // namespace minimax::ops::cuda
