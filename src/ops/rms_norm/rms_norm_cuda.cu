// SPDX-License-Identifier: Apache-2.0
// rms_norm on the GPU: one block a row.
#include "ops/rms_norm/normed_rows.cuh"
#include "ops/rms_norm/rms_norm_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::visit_activations;

template <class X, class Out>
struct PlainEnds {
  struct Kept {};
  const X* x;
  Out* out;

  __device__ float load(std::int64_t at, Kept& /*kept*/) const {
    return minimax::cuda::to_float(x[at]);
  }
  __device__ void store(std::int64_t at, float value, const Kept& /*kept*/) const {
    out[at] = minimax::cuda::from_float<Out>(value);
  }
};

}  // namespace

void rms_norm(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& weight, double eps,
              const tensor::Tensor& out) {
  visit_activations(x.dtype(), [&]<class X>() {
    visit_activations(out.dtype(), [&]<class Out>() {
      norm_rows(normed_rows(x, weight, eps),
                PlainEnds<X, Out>{.x = elements<X>(x), .out = elements<Out>(out)}, "rms_norm",
                ctx.cuda->stream());
    });
  });
}

}  // namespace minimax::ops::cuda
