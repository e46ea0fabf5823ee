// SPDX-License-Identifier: Apache-2.0
// rms_norm for the CPU: a row is read twice, the second time from the cache.
#include "ops/lanes.h"
#include "ops/rms_norm/rms_norm_kernels.h"

namespace minimax::ops::kernels {
namespace {

// Four partial sums, since one would wait for every addition.
float sum_of_squares(const float* x, std::int64_t width) {
  Vec sums[4] = {cpu::zero(), cpu::zero(), cpu::zero(), cpu::zero()};
  const std::int64_t whole = width - width % (4 * Vec::kLanes);
  for (std::int64_t i = 0; i < whole; i += 4 * Vec::kLanes) {
    for (int s = 0; s < 4; ++s) {
      const Vec v = cpu::load(x + i + s * Vec::kLanes);
      sums[s] = cpu::fma(v, v, sums[s]);
    }
  }
  for_each_vec(whole, width, [&](std::int64_t i, auto lanes) {
    const Vec v = load(x + i, lanes);
    sums[0] = cpu::fma(v, v, sums[0]);
  });
  return cpu::reduce_add((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

}  // namespace

template <cpu::Isa>
void rms_norm(const RmsNormRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    const float* x = args.x + t * args.width;
    float* out = args.out + t * args.width;
    const double mean = sum_of_squares(x, args.width) / static_cast<double>(args.width);
    const Vec scale = cpu::broadcast(static_cast<float>(1.0 / __builtin_sqrt(mean + args.eps)));
    for_each_vec(0, args.width, [&](std::int64_t i, auto lanes) {
      store(out + i, load(x + i, lanes) * scale * load(args.weight + i, lanes), lanes);
    });
  }
}

template void rms_norm<cpu::kTargetIsa>(const RmsNormRows&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
