// SPDX-License-Identifier: Apache-2.0
// moe_combine in plain loops.
#include "ops/moe_combine/moe_combine_kernels.h"

namespace minimax::ops::reference {

void moe_combine(const MoeCombineRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    for (std::int64_t i = 0; i < args.width; ++i) {
      double sum = 0.0;
      for (std::int64_t pair = t * args.top_k; pair < (t + 1) * args.top_k; ++pair) {
        const float* row = args.rows + args.row_of_pair[pair] * args.width;
        sum += static_cast<double>(args.expert_weights[pair]) * row[i];
      }
      args.out[t * args.width + i] = static_cast<float>(sum);
    }
  }
}

}  // namespace minimax::ops::reference
