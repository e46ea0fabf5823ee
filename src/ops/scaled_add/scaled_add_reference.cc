// SPDX-License-Identifier: Apache-2.0
// scaled_add in plain loops.
#include "ops/scaled_add/scaled_add_kernels.h"

namespace minimax::ops::reference {

void scaled_add(const ScaledAddElements& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i) {
    const double sum =
        static_cast<double>(args.alpha) * args.a[i] + static_cast<double>(args.beta) * args.b[i];
    args.out[i] = static_cast<float>(sum);
  }
}

}  // namespace minimax::ops::reference
