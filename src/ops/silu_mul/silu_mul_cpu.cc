// SPDX-License-Identifier: Apache-2.0
// silu_mul for the CPU: one pass.
#include "ops/lanes.h"
#include "ops/silu_mul/silu_mul_kernels.h"

namespace minimax::ops::kernels {

template <cpu::Isa>
void silu_mul(const SiluMulElements& args, std::int64_t begin, std::int64_t end) {
  for_each_vec(begin, end, [&](std::int64_t i, auto lanes) {
    const Vec gate = cpu::silu(load(args.gate + i, lanes));
    store(args.out + i, gate * load(args.up + i, lanes), lanes);
  });
}

template void silu_mul<cpu::kTargetIsa>(const SiluMulElements&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
