// SPDX-License-Identifier: Apache-2.0
#include "ops/scaled_add/scaled_add.h"

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/scaled_add/scaled_add_kernels.h"

namespace minimax::ops {

void scaled_add(const Context& ctx, const ScaledAddArgs& args) {
  const Checks checks("scaled_add", ctx);
  checks.activations("a", args.a, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = args.a.shape()[0];
  const std::int64_t width = args.a.shape()[1];
  checks.activations("b", args.b, {rows, width});
  checks.activations("out", args.out, {rows, width});
  checks.same_or_disjoint("out", args.out, "a", args.a);
  checks.same_or_disjoint("out", args.out, "b", args.b);
  const auto elements = [&] {
    return ScaledAddElements{.alpha = args.alpha,
                             .a = args.a.data<float>(),
                             .beta = args.beta,
                             .b = args.b.data<float>(),
                             .out = args.out.data<float>()};
  };
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::scaled_add<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::scaled_add(elements(), 0, rows * width);
    case Device::kCpu:
      return parallel_rows(ctx, rows * width, 1, kernel, elements());
    case Device::kCuda:
      return cuda::scaled_add(ctx, args);
  }
}

}  // namespace minimax::ops
