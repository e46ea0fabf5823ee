// SPDX-License-Identifier: Apache-2.0
#include "ops/residual_norm/residual_norm.h"

#include <fmt/format.h>

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/residual_norm/residual_norm_kernels.h"

namespace minimax::ops {
namespace {

void check_arguments(const Context& ctx, const ResidualNormArgs& args) {
  const Checks checks("residual_norm", ctx);
  checks.activations("a", args.a, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = args.a.shape()[0];
  const std::int64_t width = args.a.shape()[1];
  checks.tensor("b", args.b, args.a.dtype(), {rows, width});
  checks.tensor("weight", args.weight, tensor::DType::kF32, {width});
  checks.tensor("sum", args.sum, tensor::DType::kF32, {rows, width});
  checks.tensor("out", args.out, args.a.dtype(), {rows, width});
  checks.same_or_disjoint("out", args.out, "a", args.a);
  checks.same_or_disjoint("out", args.out, "b", args.b);
  checks.disjoint("sum", args.sum, "a", args.a);
  checks.disjoint("sum", args.sum, "b", args.b);
  checks.disjoint("out", args.out, "sum", args.sum);
  checks.disjoint("out", args.out, "weight", args.weight);
  checks.that(args.eps >= 0.0,
              [&] { return fmt::format("eps: expected at least 0, found {}", args.eps); });
}

ResidualNormRows rows_of(const ResidualNormArgs& args) {
  return {.add = {.alpha = args.alpha,
                  .a = args.a.data<float>(),
                  .beta = args.beta,
                  .b = args.b.data<float>(),
                  .out = args.sum.data<float>()},
          .norm = {.x = args.sum.data<float>(),
                   .weight = args.weight.data<float>(),
                   .eps = args.eps,
                   .width = args.sum.shape()[1],
                   .out = args.out.data<float>()}};
}

}  // namespace

void residual_norm(const Context& ctx, const ResidualNormArgs& args) {
  check_arguments(ctx, args);
  const std::int64_t rows = args.a.shape()[0];
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::residual_norm<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::residual_norm(rows_of(args), 0, rows);
    case Device::kCpu:
      return parallel_rows(ctx, rows, args.a.shape()[1], kernel, rows_of(args));
    case Device::kCuda:
      return cuda::residual_norm(ctx, args);
  }
}

}  // namespace minimax::ops
