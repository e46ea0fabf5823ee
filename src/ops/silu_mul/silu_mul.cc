// SPDX-License-Identifier: Apache-2.0
#include "ops/silu_mul/silu_mul.h"

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/silu_mul/silu_mul_kernels.h"

namespace minimax::ops {

void silu_mul(const Context& ctx, const tensor::Tensor& gate, const tensor::Tensor& up,
              const tensor::Tensor& out) {
  const Checks checks("silu_mul", ctx);
  checks.activations("gate", gate, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = gate.shape()[0];
  const std::int64_t width = gate.shape()[1];
  checks.activations("up", up, {rows, width});
  checks.activations("out", out, {rows, width});
  checks.same_or_disjoint("out", out, "gate", gate);
  checks.same_or_disjoint("out", out, "up", up);
  const auto elements = [&] {
    return SiluMulElements{
        .gate = gate.data<float>(), .up = up.data<float>(), .out = out.data<float>()};
  };
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::silu_mul<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::silu_mul(elements(), 0, rows * width);
    case Device::kCpu:
      return parallel_rows(ctx, rows * width, 1, kernel, elements());
    case Device::kCuda:
      return cuda::silu_mul(ctx, gate, up, out);
  }
}

}  // namespace minimax::ops
