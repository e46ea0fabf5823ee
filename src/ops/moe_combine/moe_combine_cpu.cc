// SPDX-License-Identifier: Apache-2.0
// moe_combine for the CPU: every row of the experts is read once.
#include "ops/lanes.h"
#include "ops/moe_combine/moe_combine_kernels.h"

namespace minimax::ops::kernels {

template <cpu::Isa>
void moe_combine(const MoeCombineRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    const std::int32_t* row_of_slot = args.row_of_pair + t * args.top_k;
    const float* weights = args.expert_weights + t * args.top_k;
    float* out = args.out + t * args.width;
    for_each_vec(0, args.width, [&](std::int64_t i, auto lanes) {
      Vec sum = cpu::zero();
      for (std::int64_t slot = 0; slot < args.top_k; ++slot) {
        const float* row = args.rows + row_of_slot[slot] * args.width;
        sum = cpu::fma(cpu::broadcast(weights[slot]), load(row + i, lanes), sum);
      }
      store(out + i, sum, lanes);
    });
  }
}

template void moe_combine<cpu::kTargetIsa>(const MoeCombineRows&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
