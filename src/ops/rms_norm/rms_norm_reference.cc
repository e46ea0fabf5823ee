// SPDX-License-Identifier: Apache-2.0
// rms_norm in plain loops.
#include <cmath>

#include "ops/rms_norm/rms_norm_kernels.h"

namespace minimax::ops::reference {

void rms_norm(const RmsNormRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    const float* x = args.x + t * args.width;
    double sum_of_squares = 0.0;
    for (std::int64_t i = 0; i < args.width; ++i) {
      sum_of_squares += static_cast<double>(x[i]) * x[i];
    }
    const double scale =
        1.0 / std::sqrt(sum_of_squares / static_cast<double>(args.width) + args.eps);
    for (std::int64_t i = 0; i < args.width; ++i) {
      args.out[t * args.width + i] = static_cast<float>(x[i] * scale * args.weight[i]);
    }
  }
}

}  // namespace minimax::ops::reference
