// SPDX-License-Identifier: Apache-2.0
// residual_norm as its two parts.
#include "ops/residual_norm/residual_norm_kernels.h"

namespace minimax::ops::reference {

void residual_norm(const ResidualNormRows& args, std::int64_t begin, std::int64_t end) {
  scaled_add(args.add, begin * args.norm.width, end * args.norm.width);
  rms_norm(args.norm, begin, end);
}

}  // namespace minimax::ops::reference
