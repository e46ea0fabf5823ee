// SPDX-License-Identifier: Apache-2.0
#include "ops/sigmoid_blend/sigmoid_blend.h"

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/sigmoid_blend/sigmoid_blend_kernels.h"

namespace minimax::ops {

void sigmoid_blend(const Context& ctx, const tensor::Tensor& coefficient,
                   const tensor::Tensor& routed, const tensor::Tensor& shared,
                   const tensor::Tensor& out) {
  const Checks checks("sigmoid_blend", ctx);
  checks.activations("routed", routed, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = routed.shape()[0];
  const std::int64_t width = routed.shape()[1];
  checks.tensor("coefficient", coefficient, tensor::DType::kF32, {rows, 1});
  checks.activations("shared", shared, {rows, width});
  checks.activations("out", out, {rows, width});
  checks.disjoint("out", out, "coefficient", coefficient);
  checks.same_or_disjoint("out", out, "routed", routed);
  checks.same_or_disjoint("out", out, "shared", shared);
  const auto blend = [&] {
    return SigmoidBlendRows{.coefficient = coefficient.data<float>(),
                            .routed = routed.data<float>(),
                            .shared = shared.data<float>(),
                            .width = width,
                            .out = out.data<float>()};
  };
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::sigmoid_blend<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::sigmoid_blend(blend(), 0, rows);
    case Device::kCpu:
      return parallel_rows(ctx, rows, width, kernel, blend());
    case Device::kCuda:
      return cuda::sigmoid_blend(ctx, coefficient, routed, shared, out);
  }
}

}  // namespace minimax::ops
