// SPDX-License-Identifier: Apache-2.0
#include "ops/panel_product.h"

#include "base/check.h"
#include "quant/panels.h"

namespace minimax::ops {

PanelWeight panel_weight(const quant::Matrix& matrix) {
  return {.data = matrix.bytes_begin(),
          .format = matrix.format(),
          .panel_bytes = quant::panel_bytes(matrix.format(), matrix.shape()[1])};
}

PanelRows panel_rows(const Context& ctx, ScratchScope& scratch, const tensor::Tensor& x,
                     Precision precision) {
  const std::int64_t rows = x.shape()[0];
  const std::int64_t inner = x.shape()[1];
  if (precision == Precision::kFloat32) {
    return {.floats = x.data<float>(), .stride = inner};
  }
  const std::int64_t groups = inner / kInt8GroupElements;
  auto* out = reinterpret_cast<Int8Group*>(
      scratch.floats(rows * groups * static_cast<std::int64_t>(sizeof(Int8Group)) / 4));
  const Int8Rows args{.x = x.data<float>(), .width = inner, .out = out};
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::quantize_rows<isa>; });
  parallel_rows(ctx, rows, inner, kernel, args);
  return {.groups = out, .stride = groups};
}

std::int64_t panel_rows_bytes(std::int64_t rows, std::int64_t inner) {
  const std::int64_t groups = (inner + kInt8GroupElements - 1) / kInt8GroupElements;
  return tensor::Arena::footprint(tensor::DType::kF32,
                                  {rows * groups, std::int64_t{sizeof(Int8Group)} / 4});
}

}  // namespace minimax::ops
