// SPDX-License-Identifier: Apache-2.0
// gated_norm as its two parts.
#include "ops/gated_norm/gated_norm_kernels.h"
#include "ops/sigmoid_mul/sigmoid_mul_kernels.h"

namespace minimax::ops::reference {

void gated_norm(const GatedNormRows& args, std::int64_t begin, std::int64_t end) {
  rms_norm(args.norm, begin, end);
  sigmoid_mul({.x = args.norm.out, .gate = args.gate, .out = args.norm.out},
              begin * args.norm.width, end * args.norm.width);
}

}  // namespace minimax::ops::reference
