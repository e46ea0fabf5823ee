// SPDX-License-Identifier: Apache-2.0
// gated_norm on the GPU: one block a row.
#include "cuda/gates.cuh"
#include "ops/gated_norm/gated_norm_kernels.h"
#include "ops/rms_norm/normed_rows.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;

// What is kept is the gate: it is on its way together with x.
template <class T>
struct GatedEnds {
  const T* x;
  const T* gate;
  T* out;

  template <int n>
  __device__ Numbers<n> load(std::int64_t at, Numbers<n>& kept) const {
    kept = minimax::cuda::load_numbers<n>(gate + at);
    return minimax::cuda::load_numbers<n>(x + at);
  }
  template <int n>
  __device__ void store(std::int64_t at, Numbers<n> values, const Numbers<n>& kept) const {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      values.of[i] *= minimax::cuda::sigmoid(kept.of[i]);
    }
    minimax::cuda::store_numbers(out + at, values);
  }
};

}  // namespace

void gated_norm(const Context& ctx, const GatedNormArgs& args) {
  minimax::cuda::visit_activations(args.out.dtype(), [&]<class T>() {
    norm_rows(
        normed_rows(args.x, args.weight, args.eps),
        GatedEnds<T>{
            .x = elements<T>(args.x), .gate = elements<T>(args.gate), .out = elements<T>(args.out)},
        "gated_norm", ctx.cuda->stream());
  });
}

}  // namespace minimax::ops::cuda
