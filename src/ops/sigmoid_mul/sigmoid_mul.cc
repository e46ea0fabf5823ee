// SPDX-License-Identifier: Apache-2.0
#include "ops/sigmoid_mul/sigmoid_mul.h"

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/sigmoid_mul/sigmoid_mul_kernels.h"

namespace minimax::ops {

void sigmoid_mul(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& gate,
                 const tensor::Tensor& out) {
  const Checks checks("sigmoid_mul");
  checks.tensor("x", x, tensor::DType::kF32, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = x.shape()[0];
  const std::int64_t width = x.shape()[1];
  checks.tensor("gate", gate, tensor::DType::kF32, {rows, width});
  checks.tensor("out", out, tensor::DType::kF32, {rows, width});
  checks.same_or_disjoint("out", out, "x", x);
  checks.same_or_disjoint("out", out, "gate", gate);
  const SigmoidMulElements elements{
      .x = x.data<float>(), .gate = gate.data<float>(), .out = out.data<float>()};
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::sigmoid_mul<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::sigmoid_mul(elements, 0, rows * width);
    case Device::kCpu:
      return parallel_rows(ctx, rows * width, 1, kernel, elements);
  }
}

}  // namespace minimax::ops
