// SPDX-License-Identifier: Apache-2.0
// sigmoid_mul in plain loops.
#include <cmath>

#include "ops/sigmoid_mul/sigmoid_mul_kernels.h"

namespace minimax::ops::reference {

void sigmoid_mul(const SigmoidMulElements& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const double gate = args.gate[i];
    args.out[i] = static_cast<float>(args.x[i] / (1.0 + std::exp(-gate)));
  }
}

}  // namespace minimax::ops::reference
