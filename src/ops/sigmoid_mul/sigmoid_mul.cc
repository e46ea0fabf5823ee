// SPDX-License-Identifier: Apache-2.0
#include "ops/sigmoid_mul/sigmoid_mul.h"

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/sigmoid_mul/sigmoid_mul_kernels.h"

namespace minimax::ops {

void sigmoid_mul(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& gate,
                 const tensor::Tensor& out) {
  const Checks checks("sigmoid_mul", ctx);
  checks.activations("x", x, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = x.shape()[0];
  const std::int64_t width = x.shape()[1];
  checks.activations("gate", gate, {rows, width});
  checks.activations("out", out, {rows, width});
  checks.same_or_disjoint("out", out, "x", x);
  checks.same_or_disjoint("out", out, "gate", gate);
  const auto elements = [&] {
    return SigmoidMulElements{
        .x = x.data<float>(), .gate = gate.data<float>(), .out = out.data<float>()};
  };
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::sigmoid_mul<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::sigmoid_mul(elements(), 0, rows * width);
    case Device::kCpu:
      return parallel_rows(ctx, rows * width, 1, kernel, elements());
    case Device::kCuda:
      return cuda::sigmoid_mul(ctx, x, gate, out);
  }
}

}  // namespace minimax::ops
