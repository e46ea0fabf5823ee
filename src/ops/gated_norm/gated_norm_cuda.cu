// SPDX-License-Identifier: Apache-2.0
// gated_norm on the GPU: one block a row.
#include "cuda/gates.cuh"
#include "ops/gated_norm/gated_norm_kernels.h"
#include "ops/rms_norm/normed_rows.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::to_float;

template <class T>
struct GatedEnds {
  using Kept = float;  // the gate: on its way together with x
  const T* x;
  const T* gate;
  T* out;

  __device__ float load(std::int64_t at, Kept& kept) const {
    kept = to_float(gate[at]);
    return to_float(x[at]);
  }
  __device__ void store(std::int64_t at, float value, Kept kept) const {
    out[at] = minimax::cuda::from_float<T>(value * minimax::cuda::sigmoid(kept));
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
