// SPDX-License-Identifier: Apache-2.0
#include "ops/gated_norm/gated_norm.h"

#include <fmt/format.h>

#include "ops/checks.h"
#include "ops/gated_norm/gated_norm_kernels.h"
#include "ops/parallel.h"

namespace minimax::ops {
namespace {

void check_arguments(const Context& ctx, const GatedNormArgs& args) {
  const Checks checks("gated_norm", ctx);
  checks.activations("x", args.x, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = args.x.shape()[0];
  const std::int64_t width = args.x.shape()[1];
  checks.tensor("weight", args.weight, tensor::DType::kF32, {width});
  checks.tensor("gate", args.gate, args.x.dtype(), {rows, width});
  checks.tensor("out", args.out, args.x.dtype(), {rows, width});
  checks.same_or_disjoint("out", args.out, "x", args.x);
  checks.disjoint("out", args.out, "gate", args.gate);
  checks.disjoint("out", args.out, "weight", args.weight);
  checks.that(args.eps >= 0.0,
              [&] { return fmt::format("eps: expected at least 0, found {}", args.eps); });
}

GatedNormRows rows_of(const GatedNormArgs& args) {
  return {.norm = {.x = args.x.data<float>(),
                   .weight = args.weight.data<float>(),
                   .eps = args.eps,
                   .width = args.x.shape()[1],
                   .out = args.out.data<float>()},
          .gate = args.gate.data<float>()};
}

}  // namespace

void gated_norm(const Context& ctx, const GatedNormArgs& args) {
  check_arguments(ctx, args);
  const std::int64_t rows = args.x.shape()[0];
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::gated_norm<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::gated_norm(rows_of(args), 0, rows);
    case Device::kCpu:
      return parallel_rows(ctx, rows, args.x.shape()[1], kernel, rows_of(args));
    case Device::kCuda:
      return cuda::gated_norm(ctx, args);
  }
}

}  // namespace minimax::ops
