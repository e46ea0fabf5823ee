// SPDX-License-Identifier: Apache-2.0
// rope in plain loops.
#include "ops/rope/rope_kernels.h"

namespace minimax::ops::reference {

void rope(const RopeRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin * args.heads; row < end * args.heads; ++row) {
    float* first = args.x + row * args.head_dim;
    float* second = first + args.pairs;
    const std::int64_t table = row / args.heads * args.pairs;
    for (std::int64_t j = 0; j < args.pairs; ++j) {
      const double cos = args.cos[table + j];
      const double sin = args.sin[table + j];
      const double x = first[j];
      const double y = second[j];
      first[j] = static_cast<float>(x * cos - y * sin);
      second[j] = static_cast<float>(y * cos + x * sin);
    }
  }
}

}  // namespace minimax::ops::reference
