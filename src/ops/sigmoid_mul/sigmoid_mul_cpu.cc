// SPDX-License-Identifier: Apache-2.0
// sigmoid_mul for the CPU: one pass.
#include "ops/lanes.h"
#include "ops/sigmoid_mul/sigmoid_mul_kernels.h"

namespace minimax::ops::kernels {

template <cpu::Isa>
void sigmoid_mul(const SigmoidMulElements& args, std::int64_t begin, std::int64_t end) {
  for_each_vec(begin, end, [&](std::int64_t i, auto lanes) {
    const Vec gate = cpu::sigmoid(load(args.gate + i, lanes));
    store(args.out + i, load(args.x + i, lanes) * gate, lanes);
  });
}

template void sigmoid_mul<cpu::kTargetIsa>(const SigmoidMulElements&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
