// SPDX-License-Identifier: Apache-2.0
// scaled_add for the CPU: one pass, 12 bytes moved per element.
#include "ops/lanes.h"
#include "ops/scaled_add/scaled_add_kernels.h"

namespace minimax::ops::kernels {

template <cpu::Isa>
void scaled_add(const ScaledAddElements& args, std::int64_t begin, std::int64_t end) {
  const Vec alpha = cpu::broadcast(args.alpha);
  const Vec beta = cpu::broadcast(args.beta);
  for_each_vec(begin, end, [&](std::int64_t i, auto lanes) {
    const Vec scaled = beta * load(args.b + i, lanes);
    store(args.out + i, cpu::fma(alpha, load(args.a + i, lanes), scaled), lanes);
  });
}

template void scaled_add<cpu::kTargetIsa>(const ScaledAddElements&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
