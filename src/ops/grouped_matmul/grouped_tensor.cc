// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_matmul/grouped_tensor.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "cuda/device.h"
#include "ops/device_matrix/decode_rows_cuda.h"
#include "ops/scratch.h"
#include "ops/tile_product/tile_product.h"

namespace minimax::ops::cuda {
namespace {

using quant::Matrix;
using tensor::DType;
using tensor::Tensor;

// One matrix of every expert.
struct Stack {
  std::span<const Matrix> experts;
  bool has_blocks = false;  // that no kernel multiplies by: they become rows of bf16
  DeviceLayout layout;      // as the kernels see it
  std::int64_t stride;      // from an expert to the next, bytes

  TileMatrices matrices() const { return {experts.front().bytes_begin(), stride}; }
};

// Nothing where they are not alike and equally spaced.
std::optional<Stack> stack_of(std::span<const Matrix> experts) {
  const Matrix& first = experts.front();
  const std::int64_t stride =
      experts.size() > 1 ? experts[1].bytes_begin() - first.bytes_begin() : first.bytes();
  bool fits = stride > 0 && stride % 16 == 0;
  for (std::size_t i = 0; fits && i < experts.size(); ++i) {
    fits = experts[i].format() == first.format() && experts[i].layout() == first.layout() &&
           experts[i].bytes_begin() == first.bytes_begin() + static_cast<std::int64_t>(i) * stride;
  }
  if (!fits) {
    return std::nullopt;
  }
  const bool has_tiles = first.layout() == quant::Layout::kTiles;
  return Stack{.experts = experts,
               .has_blocks = !has_tiles && first.format() != quant::Format::kBF16,
               .layout = {has_tiles ? *device_format(first.format()) : DeviceFormat::kBF16,
                          first.shape()[0], first.shape()[1]},
               .stride = stride};
}

enum class Way {
  kNone,
  kDirect,   // a kernel for such weights
  kE4M3,     // products of e4m3 numbers
  kDecoded,  // rows of bf16 in scratch, one expert after the other
};

Way way_of(const Stack& stack) {
  const DeviceLayout& layout = stack.layout;
  if (!stack.has_blocks && tile_product_takes_e4m3(layout) && minimax::cuda::has_hopper()) {
    return Way::kE4M3;
  }
  if (!stack.has_blocks && tile_product_takes(layout)) {
    return Way::kDirect;
  }
  const bool decodes = layout.tile().code_bits <= 8 || stack.has_blocks;
  const bool takes = tile_product_takes({DeviceFormat::kBF16, layout.rows, layout.columns});
  return decodes && takes ? Way::kDecoded : Way::kNone;
}

// All experts are decoded, those without rows too: with fewer rows than this for each, the kernel
// that decodes as it multiplies is sooner done.
constexpr std::int64_t kLeastRowsDecoded = 8;

void run(const Context& ctx, const TileProduct& args) {
  (minimax::cuda::has_hopper() ? &tile_product : &tile_product_mma)(args, ctx.cuda->stream());
}

struct Product {
  Tensor x;                         // [rows or tokens, K]
  const std::int32_t* pair_of_row;  // null: rows of x as they are
  std::int64_t top_k;
  Stack weight;
  std::optional<Stack> up;
  std::int64_t experts;
  const std::int32_t* offsets;
  Tensor out;
};

GatherRows gather_of(const Product& product, const Tensor& to) {
  return {.x = product.x.bytes_begin(),
          .x_is_float = product.x.dtype() == DType::kF32,
          .pair_of_row = product.pair_of_row,
          .top_k = product.top_k,
          .rows = product.out.shape()[0],
          .columns = product.x.shape()[1],
          .out = to.bytes_begin()};
}

TileProduct product_of(const Context& ctx, const Product& product, const Tensor& rows) {
  return {.x = rows.bytes_begin(),
          .rows = product.out.shape()[0],
          .layout = product.weight.layout,
          .weight = product.weight.matrices(),
          .up = product.up ? product.up->matrices() : TileMatrices{},
          .offsets = product.offsets,
          .groups = product.experts,
          .out = product.out.bytes_begin(),
          .out_is_float = product.out.dtype() == DType::kF32,
          .processors = ctx.cuda->multiprocessors()};
}

// The rows as bf16 in the order of the experts.
Tensor bf16_rows(const Context& ctx, const Product& product, const ScratchScope& scratch) {
  if (product.pair_of_row == nullptr && product.x.dtype() == DType::kBF16) {
    return product.x;
  }
  const Tensor rows = scratch.tensor(DType::kBF16, {product.out.shape()[0], product.x.shape()[1]});
  gather_rows(gather_of(product, rows), ctx.cuda->stream());
  return rows;
}

void multiply_e4m3(const Context& ctx, const Product& product) {
  const ScratchScope scratch(ctx);
  const std::int64_t rows = product.out.shape()[0];
  const Tensor codes = scratch.tensor(DType::kF8E4M3, {rows, product.x.shape()[1]});
  float* scales = scratch.floats(rows);
  quantize_rows({.rows = gather_of(product, codes), .scales = scales}, ctx.cuda->stream());
  TileProduct args = product_of(ctx, product, codes);
  args.x_scales = scales;
  tile_product(args, ctx.cuda->stream());
}

TileMatrices decoded(const Context& ctx, const Matrix& weight, const ScratchScope& scratch) {
  const Tensor rows = scratch.tensor(DType::kBF16, weight.shape());
  decode_rows(ctx, weight, 0, rows);
  return {rows.bytes_begin(), weight.shape()[0] * weight.shape()[1] * 2};
}

void multiply_decoded(const Context& ctx, const Product& product) {
  const ScratchScope scratch(ctx);
  TileProduct args = product_of(ctx, product, bf16_rows(ctx, product, scratch));
  args.layout.format = DeviceFormat::kBF16;
  args.groups = 1;
  for (std::size_t expert = 0; expert < product.weight.experts.size(); ++expert, ++args.offsets) {
    const ScratchScope weights(ctx);
    args.weight = decoded(ctx, product.weight.experts[expert], weights);
    if (product.up) {
      args.up = decoded(ctx, product.up->experts[expert], weights);
    }
    run(ctx, args);
  }
}

bool multiply(const Context& ctx, const Product& product) {
  const Way way = way_of(product.weight);
  if (product.weight.has_blocks && product.out.shape()[0] < kLeastRowsDecoded * product.experts) {
    return false;
  }
  if (way == Way::kE4M3) {
    multiply_e4m3(ctx, product);
  } else if (way == Way::kDecoded) {
    multiply_decoded(ctx, product);
  } else if (way == Way::kDirect) {
    const ScratchScope scratch(ctx);
    run(ctx, product_of(ctx, product, bf16_rows(ctx, product, scratch)));
  }
  return way != Way::kNone;
}

// Whether activations may be bf16 and experts are not too many.
bool fits(const Tensor& x, Precision precision, std::size_t experts) {
  return (x.dtype() == DType::kBF16 || precision == Precision::kBFloat16) &&
         static_cast<std::int64_t>(experts) <= kTileProductGroups;
}

}  // namespace

bool grouped_gated_matmul_tensor(const Context& ctx, const GroupedGatedMatmulArgs& args) {
  if (!fits(args.x, args.precision, args.gate.size())) {
    return false;
  }
  const std::optional<Stack> gate = stack_of(args.gate);
  const std::optional<Stack> up = stack_of(args.up);
  if (!gate || !up || gate->experts.front().format() != up->experts.front().format() ||
      gate->layout.format != up->layout.format || gate->stride != up->stride) {
    return false;
  }
  return multiply(ctx, {.x = args.x,
                        .pair_of_row = args.pair_of_row.data<std::int32_t>(),
                        .top_k = args.top_k,
                        .weight = *gate,
                        .up = up,
                        .experts = static_cast<std::int64_t>(args.gate.size()),
                        .offsets = args.offsets.data<std::int32_t>(),
                        .out = args.out});
}

bool grouped_matmul_tensor(const Context& ctx, const GroupedMatmulArgs& args) {
  if (!fits(args.x, args.precision, args.weight.size())) {
    return false;
  }
  const std::optional<Stack> weight = stack_of(args.weight);
  if (!weight) {
    return false;
  }
  return multiply(ctx, {.x = args.x,
                        .pair_of_row = nullptr,
                        .top_k = 1,
                        .weight = *weight,
                        .up = std::nullopt,
                        .experts = static_cast<std::int64_t>(args.weight.size()),
                        .offsets = args.offsets.data<std::int32_t>(),
                        .out = args.out});
}

}  // namespace minimax::ops::cuda
