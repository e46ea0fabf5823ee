// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_matmul/grouped_matmul.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "ops/checks.h"
#include "ops/grouped_matmul/grouped_matmul_kernels.h"
#include "ops/weight_product.h"

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
    if (checks.reads_values() && begin[expert] == begin[expert + 1]) {
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
  if (!checks.reads_values()) {
    return;
  }
  const std::int32_t* begin = offsets.data<std::int32_t>();
  checks.that(begin[0] == 0 && begin[experts] == rows && std::is_sorted(begin, begin + count), [&] {
    return fmt::format("offsets: expected {} values that rise from 0 to {}, found {} to {}", count,
                       rows, begin[0], begin[experts]);
  });
}

void check_arguments(const Context& ctx, const GroupedGatedMatmulArgs& args) {
  const Checks checks("grouped_gated_matmul", ctx);
  checks.activations("x", args.x, {Checks::kAny, Checks::kAny});
  checks.activations("out", args.out, {Checks::kAny, Checks::kAny});
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
  checks.disjoint("out", args.out, "x", args.x);
  if (!checks.reads_values()) {
    return;
  }
  const std::int32_t* pair_of_row = args.pair_of_row.data<std::int32_t>();
  for (std::int64_t row = 0; row < rows; ++row) {
    checks.in_range("pair_of_row", pair_of_row[row], 0, args.x.shape()[0] * args.top_k);
  }
}

void check_arguments(const Context& ctx, const GroupedMatmulArgs& args) {
  const Checks checks("grouped_matmul", ctx);
  checks.activations("x", args.x, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = args.x.shape()[0];
  checks.activations("out", args.out, {rows, Checks::kAny});
  check_offsets(checks, args.offsets, args.weight.size(), rows);
  check_weights(checks, "weight", args.weight, args.offsets,
                {args.out.shape()[1], args.x.shape()[1]});
  checks.disjoint("out", args.out, "x", args.x);
}

std::span<const std::int32_t> values(const Tensor& offsets) {
  return {offsets.data<std::int32_t>(), static_cast<std::size_t>(offsets.elements())};
}

void cpu_grouped_gated_matmul(const Context& ctx, const GroupedGatedMatmulArgs& args) {
  if (!has_kernels(args.gate) || !has_kernels(args.up)) {
    return reference::grouped_gated_matmul(args);
  }
  const GroupBlocks blocks(values(args.offsets), args.out.shape()[1], pool_of(ctx).threads());
  fetch_ahead(ctx, blocks, args.gate);
  ScratchScope scratch(ctx);
  WeightProduct product =
      weight_product(ctx, scratch, args.x, {args.gate, args.up}, args.precision);
  product.pair_of_row = args.pair_of_row.data<std::int32_t>();
  product.top_k = args.top_k;
  product.out = args.out.data<float>();
  product.columns = args.out.shape()[1];
  for_each_block(ctx, blocks, 2 * args.out.elements() * product.inner,
                 [&](std::size_t expert, const Block& block) {
                   multiply_gated_block(ctx.isa, product, args.gate[expert], args.up[expert],
                                        block);
                 });
}

void cpu_grouped_matmul(const Context& ctx, const GroupedMatmulArgs& args) {
  if (!has_kernels(args.weight)) {
    return reference::grouped_matmul(args);
  }
  const GroupBlocks blocks(values(args.offsets), args.out.shape()[1], pool_of(ctx).threads());
  fetch_ahead(ctx, blocks, args.weight);
  ScratchScope scratch(ctx);
  WeightProduct product = weight_product(ctx, scratch, args.x, {args.weight}, args.precision);
  product.out = args.out.data<float>();
  product.columns = args.out.shape()[1];
  for_each_block(ctx, blocks, args.out.elements() * product.inner,
                 [&](std::size_t expert, const Block& block) {
                   multiply_block(ctx.isa, product, args.weight[expert], block);
                 });
}

}  // namespace

void grouped_gated_matmul(const Context& ctx, const GroupedGatedMatmulArgs& args) {
  check_arguments(ctx, args);
  if (args.out.elements() == 0) {
    return;
  }
  switch (ctx.device) {
    case Device::kReference:
      return reference::grouped_gated_matmul(args);
    case Device::kCpu:
      return cpu_grouped_gated_matmul(ctx, args);
    case Device::kCuda:
      return cuda::grouped_gated_matmul(ctx, args);
  }
}

void grouped_matmul(const Context& ctx, const GroupedMatmulArgs& args) {
  check_arguments(ctx, args);
  if (args.out.elements() == 0) {
    return;
  }
  switch (ctx.device) {
    case Device::kReference:
      return reference::grouped_matmul(args);
    case Device::kCpu:
      return cpu_grouped_matmul(ctx, args);
    case Device::kCuda:
      return cuda::grouped_matmul(ctx, args);
  }
}

std::int64_t grouped_matmul_scratch_bytes(Device device, std::int64_t rows, std::int64_t inner) {
  if (device == Device::kCuda) {  // the rows in the order of the experts
    return tensor::Arena::footprint(DType::kBF16, {rows, inner});
  }
  return weight_product_bytes(rows, inner);
}

}  // namespace minimax::ops
