// SPDX-License-Identifier: Apache-2.0
// sigmoid_blend in plain loops.
#include <cmath>

#include "ops/sigmoid_blend/sigmoid_blend_kernels.h"

namespace minimax::ops::reference {

void sigmoid_blend(const SigmoidBlendRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    const double share = 1.0 / (1.0 + std::exp(-static_cast<double>(args.coefficient[t])));
    for (std::int64_t i = t * args.width; i < (t + 1) * args.width; ++i) {
      args.out[i] = static_cast<float>((1.0 - share) * args.routed[i] + share * args.shared[i]);
    }
  }
}

}  // namespace minimax::ops::reference
