// SPDX-License-Identifier: Apache-2.0
// random_scale in plain loops, on every device: training spends its time elsewhere.
#include "base/random.h"
#include "ops/random_scale/random_scale_kernels.h"

namespace minimax::ops::reference {
namespace {

double factor_of(const RandomScaleArgs& args, double uniform) {
  switch (args.factor) {
    case RandomFactor::kDropout:
      return uniform < args.amount ? 0.0 : 1.0 / (1.0 - args.amount);
    case RandomFactor::kJitter:
      break;
  }
  return 1.0 - args.amount + 2.0 * args.amount * uniform;
}

}  // namespace

void random_scale(const RandomScaleArgs& args, std::int64_t begin, std::int64_t end) {
  const std::int64_t width = args.x.shape()[1];
  for (std::int64_t row = begin; row < end; ++row) {
    const TokenPlace& place = args.places[static_cast<std::size_t>(row)];
    const float* x = args.x.data<float>() + row * width;
    float* out = args.out.data<float>() + row * width;
    for (std::int64_t column = 0; column < width; ++column) {
      const double uniform =
          base::uniform_at(args.seed, {args.layer, place.sequence, place.position, column});
      out[column] = static_cast<float>(x[column] * factor_of(args, uniform));
    }
  }
}

}  // namespace minimax::ops::reference
