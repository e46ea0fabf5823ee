// SPDX-License-Identifier: Apache-2.0
// moe_combine on the GPU: one thread an element, the slots in order.
#include "cuda/kernel.cuh"
#include "ops/moe_combine/moe_combine_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

template <class Row, class Out>
void run(const Context& ctx, const MoeCombineArgs& args) {
  const Row* rows = elements<Row>(args.rows);
  const std::int32_t* row_of_pair = args.row_of_pair.data<std::int32_t>();
  const float* weights = args.expert_weights.data<float>();
  const std::int64_t top_k = args.expert_weights.shape()[1];
  const std::int64_t width = args.rows.shape()[1];
  Out* out = elements<Out>(args.out);
  for_each(ctx.cuda->stream(), args.out.elements(), "moe_combine", [=] __device__(std::int64_t i) {
    const std::int64_t pair = i / width * top_k;
    float sum = 0.0f;
    for (std::int64_t slot = 0; slot < top_k; ++slot) {
      const std::int64_t row = row_of_pair[pair + slot];
      sum += weights[pair + slot] * to_float(rows[row * width + i % width]);
    }
    out[i] = from_float<Out>(sum);
  });
}

}  // namespace

void moe_combine(const Context& ctx, const MoeCombineArgs& args) {
  visit_activations(args.rows.dtype(), [&]<class Row>() {
    visit_activations(args.out.dtype(), [&]<class Out>() { run<Row, Out>(ctx, args); });
  });
}

}  // namespace minimax::ops::cuda
