// SPDX-License-Identifier: Apache-2.0
#include "ops/random_scale/random_scale.h"

#include <fmt/format.h>

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/random_scale/random_scale_kernels.h"

namespace minimax::ops {

void random_scale(const Context& ctx, const RandomScaleArgs& args) {
  const Checks checks("random_scale", ctx);
  checks.that(checks.reads_values(),
              [] { return "training is not on the GPU yet: expected the cpu or the reference"; });
  checks.tensor("x", args.x, tensor::DType::kF32, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = args.x.shape()[0];
  const std::int64_t width = args.x.shape()[1];
  checks.tensor("out", args.out, tensor::DType::kF32, {rows, width});
  checks.same_or_disjoint("out", args.out, "x", args.x);
  checks.equal("number of places", std::ssize(args.places), rows);
  checks.that(0.0 <= args.amount && args.amount < 1.0, [&] {
    return fmt::format("amount: expected a number from 0 and below 1, found {}", args.amount);
  });
  switch (ctx.device) {
    case Device::kReference:
      return reference::random_scale(args, 0, rows);
    case Device::kCpu:
      return parallel_rows(ctx, rows, width, [&](std::int64_t begin, std::int64_t end) {
        reference::random_scale(args, begin, end);
      });
    case Device::kCuda:
      return;  // refused above
  }
}

}  // namespace minimax::ops
