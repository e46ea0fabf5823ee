// SPDX-License-Identifier: Apache-2.0
// residual_norm on the GPU: one block a row.
#include "ops/residual_norm/residual_norm_kernels.h"
#include "ops/rms_norm/normed_rows.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;

// What is kept is the sum: it is stored late, so that no load waits for a store.
template <class T>
struct ResidualEnds {
  float alpha;
  const T* a;
  float beta;
  const T* b;
  float* sum;
  T* out;

  template <int n>
  __device__ Numbers<n> load(std::int64_t at, Numbers<n>& kept) const {
    kept = minimax::cuda::load_numbers<n>(a + at);
    const Numbers<n> branch = minimax::cuda::load_numbers<n>(b + at);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      kept.of[i] = alpha * kept.of[i] + beta * branch.of[i];
    }
    return kept;
  }
  template <int n>
  __device__ void store(std::int64_t at, const Numbers<n>& values, const Numbers<n>& kept) const {
    minimax::cuda::store_numbers(sum + at, kept);
    minimax::cuda::store_numbers(out + at, values);
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
