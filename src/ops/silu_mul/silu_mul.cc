// SPDX-License-Identifier: Apache-2.0
#include "ops/silu_mul/silu_mul.h"

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/silu_mul/silu_mul_kernels.h"

namespace minimax::ops {

void silu_mul(const Context& ctx, const tensor::Tensor& gate, const tensor::Tensor& up,
              const tensor::Tensor& out) {
  const Checks checks("silu_mul");
  checks.tensor("gate", gate, tensor::DType::kF32, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = gate.shape()[0];
  const std::int64_t width = gate.shape()[1];
  checks.tensor("up", up, tensor::DType::kF32, {rows, width});
  checks.tensor("out", out, tensor::DType::kF32, {rows, width});
  checks.same_or_disjoint("out", out, "gate", gate);
  checks.same_or_disjoint("out", out, "up", up);
  const SiluMulElements elements{
      .gate = gate.data<float>(), .up = up.data<float>(), .out = out.data<float>()};
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::silu_mul<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::silu_mul(elements, 0, rows * width);
    case Device::kCpu:
      return parallel_rows(ctx, rows * width, 1, kernel, elements);
  }
}

}  // namespace minimax::ops
