// SPDX-License-Identifier: Apache-2.0
// sigmoid_blend for the CPU: one pass. Both shares come from a sigmoid of their own, so that
// neither loses digits when the other is close to 1.
#include "ops/lanes.h"
#include "ops/sigmoid_blend/sigmoid_blend_kernels.h"

namespace minimax::ops::kernels {

template <cpu::Isa>
void sigmoid_blend(const SigmoidBlendRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    const Vec shared_share = cpu::sigmoid(cpu::broadcast(args.coefficient[t]));
    const Vec routed_share = cpu::sigmoid(cpu::broadcast(-args.coefficient[t]));
    const std::int64_t row = t * args.width;
    for_each_vec(row, row + args.width, [&](std::int64_t i, auto lanes) {
      const Vec routed = routed_share * load(args.routed + i, lanes);
      store(args.out + i, cpu::fma(shared_share, load(args.shared + i, lanes), routed), lanes);
    });
  }
}

template void sigmoid_blend<cpu::kTargetIsa>(const SigmoidBlendRows&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
