// SPDX-License-Identifier: Apache-2.0
#include "ops/rms_norm/rms_norm.h"

#include <fmt/format.h>

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/rms_norm/rms_norm_kernels.h"

namespace minimax::ops {

void rms_norm(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& weight, double eps,
              const tensor::Tensor& out) {
  const Checks checks("rms_norm", ctx);
  checks.activations("x", x, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = x.shape()[0];
  const std::int64_t width = x.shape()[1];
  checks.tensor("weight", weight, tensor::DType::kF32, {width});
  checks.activations("out", out, {rows, width});
  checks.same_or_disjoint("out", out, "x", x);
  checks.disjoint("out", out, "weight", weight);
  checks.that(eps >= 0.0, [&] { return fmt::format("eps: expected at least 0, found {}", eps); });
  const auto norm = [&] {
    return RmsNormRows{.x = x.data<float>(),
                       .weight = weight.data<float>(),
                       .eps = eps,
                       .width = width,
                       .out = out.data<float>()};
  };
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::rms_norm<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::rms_norm(norm(), 0, rows);
    case Device::kCpu:
      return parallel_rows(ctx, rows, width, kernel, norm());
    case Device::kCuda:
      return cuda::rms_norm(ctx, x, weight, eps, out);
  }
}

}  // namespace minimax::ops
