// SPDX-License-Identifier: Apache-2.0
// residual_norm on the GPU: one block a row.
#include "ops/residual_norm/residual_norm_kernels.h"
#include "ops/rms_norm/normed_rows.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::to_float;

template <class T>
struct ResidualEnds {
  using Kept = float;  // the sum: it is stored late, so that no load waits for a store
  float alpha;
  const T* a;
  float beta;
  const T* b;
  float* sum;
  T* out;

  __device__ float load(std::int64_t at, Kept& kept) const {
    kept = alpha * to_float(a[at]) + beta * to_float(b[at]);
    return kept;
  }
  __device__ void store(std::int64_t at, float value, Kept kept) const {
    sum[at] = kept;
    out[at] = minimax::cuda::from_float<T>(value);
  }
};

}  // namespace

void residual_norm(const Context& ctx, const ResidualNormArgs& args) {
  minimax::cuda::visit_activations(args.out.dtype(), [&]<class T>() {
    norm_rows(normed_rows(args.sum, args.weight, args.eps),
              ResidualEnds<T>{.alpha = args.alpha,
                              .a = elements<T>(args.a),
                              .beta = args.beta,
                              .b = elements<T>(args.b),
                              .sum = args.sum.data<float>(),
                              .out = elements<T>(args.out)},
              "residual_norm", ctx.cuda->stream());
  });
}

}  // namespace minimax::ops::cuda
