// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_matmul/grouped_matmul.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "ops/checks.h"
#include "ops/grouped_matmul/grouped_matmul_kernels.h"
#include "ops/product.h"

namespace minimax::ops {
namespace {

using quant::Matrix;
using tensor::DType;
using tensor::Tensor;

// After check_offsets(): experts without rows need no elements.
void check_weights(const Checks& checks, const char* name, std::span<const Matrix> weights,
                   const Tensor& offsets, std::initializer_list<std::int64_t> shape) {
  const std::int32_t* begin = offsets.data<std::int32_t>();
  for (std::size_t expert = 0; expert < weights.size(); ++expert) {
    if (begin[expert] == begin[expert + 1]) {
      checks.shape(name, weights[expert], shape);
    } else {
      checks.matrix(name, weights[expert], shape);
    }
  }
}

void check_offsets(const Checks& checks, const Tensor& offsets, std::size_t experts,
                   std::int64_t rows) {
  const auto count = static_cast<std::int64_t>(experts) + 1;
  checks.tensor("offsets", offsets, DType::kI32, {count});
  const std::int32_t* begin = offsets.data<std::int32_t>();
  checks.that(begin[0] == 0 && begin[experts] == rows && std::is_sorted(begin, begin + count), [&] {
    return fmt::format("offsets: expected {} values that rise from 0 to {}, found {} to {}", count,
                       rows, begin[0], begin[experts]);
  });
}

void check_arguments(const GroupedGatedMatmulArgs& args) {
  const Checks checks("grouped_gated_matmul");
  checks.tensor("x", args.x, DType::kF32, {Checks::kAny, Checks::kAny});
  checks.tensor("out", args.out, DType::kF32, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = args.out.shape()[0];
  const std::int64_t columns = args.out.shape()[1];
  checks.equal("weights of up", static_cast<std::int64_t>(args.up.size()),
               static_cast<std::int64_t>(args.gate.size()));
  check_offsets(checks, args.offsets, args.gate.size(), rows);
  check_weights(checks, "gate", args.gate, args.offsets, {columns, args.x.shape()[1]});
  check_weights(checks, "up", args.up, args.offsets, {columns, args.x.shape()[1]});
  checks.tensor("pair_of_row", args.pair_of_row, DType::kI32, {rows});
  checks.that(args.top_k >= 1,
              [&] { return fmt::format("top_k: expected at least 1, found {}", args.top_k); });
  const std::int32_t* pair_of_row = args.pair_of_row.data<std::int32_t>();
  for (std::int64_t row = 0; row < rows; ++row) {
    checks.in_range("pair_of_row", pair_of_row[row], 0, args.x.shape()[0] * args.top_k);
  }
  checks.disjoint("out", args.out, "x", args.x);
}

void check_arguments(const GroupedMatmulArgs& args) {
  const Checks checks("grouped_matmul");
  checks.tensor("x", args.x, DType::kF32, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = args.x.shape()[0];
  checks.tensor("out", args.out, DType::kF32, {rows, Checks::kAny});
  check_offsets(checks, args.offsets, args.weight.size(), rows);
  check_weights(checks, "weight", args.weight, args.offsets,
                {args.out.shape()[1], args.x.shape()[1]});
  checks.disjoint("out", args.out, "x", args.x);
}

std::span<const std::int32_t> values(const Tensor& offsets) {
  return {offsets.data<std::int32_t>(), static_cast<std::size_t>(offsets.elements())};
}

// The type that all weights have, or F32 where they differ.
DType common_dtype(std::span<const Matrix> some, std::span<const Matrix> others = {}) {
  const auto same = [&](const Matrix& weight) { return weight.format() == some.front().format(); };
  const bool all = std::all_of(some.begin(), some.end(), same) &&
                   std::all_of(others.begin(), others.end(), same);
  return all ? product_weight(some.front()).dtype : DType::kF32;
}

bool all_plain(std::span<const Matrix> weights) {
  return std::all_of(weights.begin(), weights.end(), [](const Matrix& w) { return w.is_plain(); });
}

void cpu_grouped_gated_matmul(const Context& ctx, const GroupedGatedMatmulArgs& args) {
  if (!all_plain(args.gate) || !all_plain(args.up)) {
    return reference::grouped_gated_matmul(args);
  }
  ScratchScope scratch(ctx);
  const std::int64_t columns = args.out.shape()[1];
  const DType dtype = common_dtype(args.gate, args.up);
  const Product product{.x = product_rows(ctx, scratch, args.x, dtype, args.precision),
                        .pair_of_row = args.pair_of_row.data<std::int32_t>(),
                        .top_k = args.top_k,
                        .inner = args.x.shape()[1],
                        .out = args.out.data<float>(),
                        .columns = columns};
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::gated_product<isa>; });
  const GroupBlocks blocks(values(args.offsets), columns, pool_of(ctx).threads());
  for_each_block(ctx, blocks, 2 * args.out.elements() * product.inner,
                 [&](std::size_t expert, const Block& block) {
                   Product gate = product;
                   gate.weight = product_weight(args.gate[expert]);
                   kernel(gate, product_weight(args.up[expert]), block);
                 });
}

void cpu_grouped_matmul(const Context& ctx, const GroupedMatmulArgs& args) {
  if (!all_plain(args.weight)) {
    return reference::grouped_matmul(args);
  }
  ScratchScope scratch(ctx);
  const std::int64_t columns = args.out.shape()[1];
  const DType dtype = common_dtype(args.weight);
  const Product product{.x = product_rows(ctx, scratch, args.x, dtype, args.precision),
                        .inner = args.x.shape()[1],
                        .out = args.out.data<float>(),
                        .columns = columns};
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::product<isa>; });
  const GroupBlocks blocks(values(args.offsets), columns, pool_of(ctx).threads());
  for_each_block(ctx, blocks, args.out.elements() * product.inner,
                 [&](std::size_t expert, const Block& block) {
                   Product one = product;
                   one.weight = product_weight(args.weight[expert]);
                   kernel(one, block);
                 });
}

}  // namespace

void grouped_gated_matmul(const Context& ctx, const GroupedGatedMatmulArgs& args) {
  check_arguments(args);
  if (args.out.elements() == 0) {
    return;
  }
  switch (ctx.device) {
    case Device::kReference:
      return reference::grouped_gated_matmul(args);
    case Device::kCpu:
      return cpu_grouped_gated_matmul(ctx, args);
  }
}

void grouped_matmul(const Context& ctx, const GroupedMatmulArgs& args) {
  check_arguments(args);
  if (args.out.elements() == 0) {
    return;
  }
  switch (ctx.device) {
    case Device::kReference:
      return reference::grouped_matmul(args);
    case Device::kCpu:
      return cpu_grouped_matmul(ctx, args);
  }
}

std::int64_t grouped_matmul_scratch_bytes(std::int64_t rows, std::int64_t inner) {
  return product_rows_bytes(rows, inner);
}

}  // namespace minimax::ops
