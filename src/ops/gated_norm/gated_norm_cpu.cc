// SPDX-License-Identifier: Apache-2.0
// gated_norm for the CPU: the kernels of its parts, row by row, so that the norm is gated while it
// is in the cache.
#include "cpu/target_isa.h"
#include "ops/gated_norm/gated_norm_kernels.h"
#include "ops/sigmoid_mul/sigmoid_mul_kernels.h"

namespace minimax::ops::kernels {

template <cpu::Isa isa>
void gated_norm(const GatedNormRows& args, std::int64_t begin, std::int64_t end) {
  const SigmoidMulElements gating{.x = args.norm.out, .gate = args.gate, .out = args.norm.out};
  for (std::int64_t t = begin; t < end; ++t) {
    rms_norm<isa>(args.norm, t, t + 1);
    sigmoid_mul<isa>(gating, t * args.norm.width, (t + 1) * args.norm.width);
  }
}

template void gated_norm<cpu::kTargetIsa>(const GatedNormRows&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
