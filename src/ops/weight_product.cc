// SPDX-License-Identifier: Apache-2.0
#include "ops/weight_product.h"

#include <algorithm>
#include <array>
#include <optional>

#include "ops/silu_mul/silu_mul_kernels.h"
#include "quant/panels.h"

namespace minimax::ops {
namespace {

using quant::Matrix;
using tensor::DType;

bool has_kernel(const Matrix& weight) {
  return weight.is_plain() || weight.layout() == quant::Layout::kPanels;
}

// The kinds among some weights.
struct Kinds {
  std::optional<DType> plain;  // the type of all plain ones, or F32 where they differ
  bool panels = false;

  void add(const Matrix& weight) {
    if (!weight.is_plain()) {
      panels = true;
      return;
    }
    const DType dtype = product_weight(weight).dtype;
    plain = plain.value_or(dtype) == dtype ? dtype : DType::kF32;
  }
};

// Where a block of outputs goes: its first element.
struct BlockOutput {
  float* data;
  std::int64_t stride;
};

// Where the weights of a block's columns begin.
const std::byte* columns_from(const Matrix& weight, std::int64_t column) {
  if (weight.layout() != quant::Layout::kPanels) {
    return weight.bytes_begin() + column * weight.row_bytes();
  }
  const PanelWeight panels = panel_weight(weight);
  return panels.data + column / quant::kPanelRows * panels.panel_bytes;
}

// `after`: as in PanelProduct.
void multiply_panels(cpu::Isa isa, const WeightProduct& args, const Matrix& weight,
                     const Block& block, BlockOutput out, const std::byte* after = nullptr) {
  if (args.inner == 0) {
    for (std::int64_t row = block.row_begin; row < block.row_end; ++row) {
      std::fill_n(out.data + (row - block.row_begin) * out.stride,
                  block.column_end - block.column_begin, 0.0f);
    }
    return;
  }
  const auto kernel = cpu::visit_isa(isa, [&]<cpu::Isa kIsa>() {
    return args.precision == Precision::kFloat32 ? &kernels::exact_panel_product<kIsa>
                                                 : &kernels::panel_product<kIsa>;
  });
  kernel({.x = args.panels,
          .pair_of_row = args.pair_of_row,
          .top_k = args.top_k,
          .weight = panel_weight(weight),
          .after = after,
          .inner = args.inner,
          .out = out.data,
          .out_stride = out.stride},
         block);
}

Product plain_product(const WeightProduct& args, const Matrix& weight) {
  return {.x = args.plain,
          .pair_of_row = args.pair_of_row,
          .top_k = args.top_k,
          .weight = product_weight(weight),
          .inner = args.inner,
          .out = args.out,
          .columns = args.columns};
}

BlockOutput output_of(const WeightProduct& args, const Block& block) {
  return {.data = args.out + block.row_begin * args.columns + block.column_begin,
          .stride = args.columns};
}

// Two factors of which at least one comes from panels: that one goes to the stack, and the other to
// the output, because plain products write nowhere else.
void multiply_mixed_block(cpu::Isa isa, const WeightProduct& args, const Matrix& gate,
                          const Matrix& up, const Block& block) {
  std::array<float, kBlockRows * kBlockColumns> factors;
  const bool up_is_apart = !up.is_plain();
  const std::int64_t columns = block.column_end - block.column_begin;
  const BlockOutput out = output_of(args, block);
  const BlockOutput apart = {.data = factors.data(), .stride = columns};
  if (gate.is_plain() || up.is_plain()) {
    multiply_block(isa, args, up_is_apart ? gate : up, block);
    multiply_panels(isa, args, up_is_apart ? up : gate, block, apart);
  } else {
    multiply_panels(isa, args, gate, block, out, columns_from(up, block.column_begin));
    multiply_panels(isa, args, up, block, apart, columns_from(gate, block.column_end));
  }
  const auto kernel = cpu::visit_isa(isa, []<cpu::Isa kIsa>() { return &kernels::silu_mul<kIsa>; });
  for (std::int64_t row = 0; row < block.row_end - block.row_begin; ++row) {
    float* to = out.data + row * out.stride;
    const float* factor = factors.data() + row * columns;
    kernel({.gate = up_is_apart ? to : factor, .up = up_is_apart ? factor : to, .out = to}, 0,
           columns);
  }
}

}  // namespace

bool has_kernels(std::span<const Matrix> weights) {
  return std::ranges::all_of(weights, has_kernel);
}

WeightProduct weight_product(const Context& ctx, ScratchScope& scratch, const tensor::Tensor& x,
                             std::initializer_list<std::span<const Matrix>> weights,
                             Precision precision) {
  Kinds kinds;
  for (const std::span<const Matrix> some : weights) {
    std::ranges::for_each(some, [&](const Matrix& weight) { kinds.add(weight); });
  }
  WeightProduct args{.precision = precision, .inner = x.shape()[1], .out = nullptr, .columns = 0};
  if (kinds.plain.has_value()) {
    args.plain = product_rows(ctx, scratch, x, *kinds.plain, precision);
  }
  if (kinds.panels) {
    args.panels = panel_rows(ctx, scratch, x, precision);
  }
  return args;
}

void fetch_ahead(const Context& ctx, const GroupBlocks& blocks, std::span<const Matrix> weights) {
  cpu::ThreadPool& pool = pool_of(ctx);
  for (int thread = 0; thread < pool.threads(); ++thread) {
    const std::int64_t first = pool.first_index(blocks.count(), thread);
    blocks.for_each(first, std::min(first + 1, blocks.count()),
                    [&](std::size_t group, const Block& block) {
                      pool.fetch_ahead(thread, columns_from(weights[group], block.column_begin));
                    });
  }
}

std::int64_t weight_product_bytes(std::int64_t rows, std::int64_t inner) {
  return product_rows_bytes(rows, inner) + panel_rows_bytes(rows, inner);
}

void multiply_block(cpu::Isa isa, const WeightProduct& args, const Matrix& weight,
                    const Block& block) {
  if (!weight.is_plain()) {
    return multiply_panels(isa, args, weight, block, output_of(args, block));
  }
  const auto kernel = cpu::visit_isa(isa, []<cpu::Isa kIsa>() { return &kernels::product<kIsa>; });
  kernel(plain_product(args, weight), block);
}

void multiply_gated_block(cpu::Isa isa, const WeightProduct& args, const Matrix& gate,
                          const Matrix& up, const Block& block) {
  if (!gate.is_plain() || !up.is_plain()) {
    return multiply_mixed_block(isa, args, gate, up, block);
  }
  const auto kernel =
      cpu::visit_isa(isa, []<cpu::Isa kIsa>() { return &kernels::gated_product<kIsa>; });
  kernel(plain_product(args, gate), product_weight(up), block);
}

}  // namespace minimax::ops
