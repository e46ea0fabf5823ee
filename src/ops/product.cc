// SPDX-License-Identifier: Apache-2.0
#include "ops/product.h"

#include <algorithm>

namespace minimax::ops {
namespace {

constexpr std::int64_t kMinBlockColumns = 16;

// Blocks of at most so many rows re-read their rows from the nearest cache for every few columns,
// so narrow ones cost nothing, and many small ones even out the threads at the end of a region.
constexpr std::int64_t kFewRows = 6;

std::int64_t divide_up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit; }

std::int64_t row_blocks_of(std::int64_t rows) { return divide_up(rows, kBlockRows); }

// Rows start on cache lines.
std::int64_t row_stride(std::int64_t inner) { return divide_up(inner, 32) * 32; }

}  // namespace

ProductWeight product_weight(const quant::Matrix& matrix) {
  return {.data = matrix.bytes_begin(), .dtype = matrix.tensor().dtype()};
}

GroupBlocks::GroupBlocks(std::span<const std::int32_t> offsets, std::int64_t columns, int threads)
    : offsets_(offsets), columns_(columns) {
  std::int64_t tallest = 0;
  for (std::size_t group = 0; group + 1 < offsets.size(); ++group) {
    row_blocks_ += row_blocks_of(rows_of(group));
    tallest = std::max(tallest, rows_of(group));
  }
  const std::int64_t wanted = std::int64_t{threads} * (tallest <= kFewRows ? 16 : 8);
  while (block_columns_ > kMinBlockColumns &&
         row_blocks_ * divide_up(columns, block_columns_) < wanted) {
    block_columns_ /= 2;
  }
  column_blocks_ = divide_up(columns, block_columns_);
}

GroupBlocks::Position GroupBlocks::find(std::int64_t index) const {
  Position at{
      .group = 0, .row_block = index / column_blocks_, .column_block = index % column_blocks_};
  while (at.row_block >= row_blocks_of(rows_of(at.group))) {
    at.row_block -= row_blocks_of(rows_of(at.group));
    ++at.group;
  }
  return at;
}

// Past the last block, the position is that of a group that does not exist.
void GroupBlocks::advance(Position& at) const {
  if (++at.column_block < column_blocks_) {
    return;
  }
  at.column_block = 0;
  ++at.row_block;
  while (at.group + 1 < offsets_.size() && at.row_block >= row_blocks_of(rows_of(at.group))) {
    at.row_block = 0;
    ++at.group;
  }
}

Block GroupBlocks::block(const Position& at) const {
  const std::int64_t rows = rows_of(at.group);
  // Equal heights but for rounding up to whole register tiles, of 6, 3 or 2 rows.
  constexpr std::int64_t kTileRows = 6;
  const std::int64_t each = divide_up(divide_up(rows, row_blocks_of(rows)), kTileRows) * kTileRows;
  const std::int64_t first = offsets_[at.group];
  return {.row_begin = first + at.row_block * each,
          .row_end = first + std::min((at.row_block + 1) * each, rows),
          .column_begin = at.column_block * block_columns_,
          .column_end = std::min((at.column_block + 1) * block_columns_, columns_)};
}

ProductRows product_rows(const Context& ctx, ScratchScope& scratch, const tensor::Tensor& x,
                         tensor::DType weight_dtype, Precision precision) {
  const std::int64_t rows = x.shape()[0];
  const std::int64_t inner = x.shape()[1];
  if (precision == Precision::kFloat32) {
    return {.data = x.data<float>(), .dtype = tensor::DType::kF32, .stride = inner};
  }
  // Of the instruction sets only this one multiplies bfloat16; the others widen weights anyway.
  const bool pairs = ctx.isa == cpu::Isa::kAvx512 && weight_dtype == tensor::DType::kBF16;
  const tensor::DType dtype = pairs ? tensor::DType::kBF16 : tensor::DType::kF32;
  const std::int64_t stride = row_stride(inner);
  float* out = scratch.floats(rows * stride * tensor::dtype_bytes(dtype) / 4);
  const RoundedRows rounded{
      .x = x.data<float>(), .width = inner, .dtype = dtype, .stride = stride, .out = out};
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::round_rows<isa>; });
  parallel_rows(ctx, rows, inner, kernel, rounded);
  return {.data = out, .dtype = dtype, .stride = stride};
}

std::int64_t product_rows_bytes(std::int64_t rows, std::int64_t inner) {
  return tensor::Arena::footprint(tensor::DType::kF32, {rows, row_stride(inner)});
}

}  // namespace minimax::ops
