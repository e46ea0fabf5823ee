// SPDX-License-Identifier: Apache-2.0
// rope for the CPU, in place. Products and sums are rounded one by one, as the published
// implementation does.
#include "ops/lanes.h"
#include "ops/rope/rope_kernels.h"

namespace minimax::ops::kernels {

template <cpu::Isa>
void rope(const RopeRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin * args.heads; row < end * args.heads; ++row) {
    float* first = args.x + row * args.head_dim;
    float* second = first + args.pairs;
    const float* cosines = args.cos + row / args.heads * args.pairs;
    const float* sines = args.sin + row / args.heads * args.pairs;
    for_each_vec(0, args.pairs, [&](std::int64_t j, auto lanes) {
      const Vec cos = load(cosines + j, lanes);
      const Vec sin = load(sines + j, lanes);
      const Vec x = load(first + j, lanes);
      const Vec y = load(second + j, lanes);
      store(first + j, x * cos - y * sin, lanes);
      store(second + j, y * cos + x * sin, lanes);
    });
  }
}

template void rope<cpu::kTargetIsa>(const RopeRows&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
