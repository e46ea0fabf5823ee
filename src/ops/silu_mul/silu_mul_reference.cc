// SPDX-License-Identifier: Apache-2.0
// silu_mul in plain loops.
#include <cmath>

#include "ops/silu_mul/silu_mul_kernels.h"

namespace minimax::ops::reference {

void silu_mul(const SiluMulElements& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const double gate = args.gate[i];
    args.out[i] = static_cast<float>(gate / (1.0 + std::exp(-gate)) * args.up[i]);
  }
}

}  // namespace minimax::ops::reference
