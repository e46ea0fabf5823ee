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
  const X* x;
  Out* out;

  template <int n>
  __device__ Numbers<n> load(std::int64_t at, Numbers<n>& /*kept*/) const {
    return minimax::cuda::load_numbers<n>(x + at);
  }
  template <int n>
  __device__ void store(std::int64_t at, const Numbers<n>& values,
                        const Numbers<n>& /*kept*/) const {
    minimax::cuda::store_numbers(out + at, values);
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
