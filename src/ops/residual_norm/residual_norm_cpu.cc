// SPDX-License-Identifier: Apache-2.0
// residual_norm for the CPU: the kernels of its parts, row by row, so that the sum is normed while
// it is in the cache.
#include "cpu/target_isa.h"
#include "ops/residual_norm/residual_norm_kernels.h"

namespace minimax::ops::kernels {

template <cpu::Isa isa>
void residual_norm(const ResidualNormRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    scaled_add<isa>(args.add, t * args.norm.width, (t + 1) * args.norm.width);
    rms_norm<isa>(args.norm, t, t + 1);
  }
}

template void residual_norm<cpu::kTargetIsa>(const ResidualNormRows&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
