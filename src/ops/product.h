// SPDX-License-Identifier: Apache-2.0
// What the operations that multiply by weight matrices share: plain descriptions of a product and
// of the blocks of its output that threads work on. No arithmetic: that is in product_cpu.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/context.h"
#include "ops/parallel.h"
#include "ops/scratch.h"
#include "quant/matrix.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// Rows of activations as a kernel reads them.
struct ProductRows {
  const void* data;
  tensor::DType dtype;  // kF32, or kBF16 where kernels multiply weights of that type
  std::int64_t stride;  // elements from one row to the next
};

/// A weight matrix [columns, inner], row-major.
struct ProductWeight {
  const void* data;
  tensor::DType dtype;  // kF32, kF16 or kBF16
};

/// Requires: a plain matrix.
ProductWeight product_weight(const quant::Matrix& matrix);

/// out[r, n] = x[r] . weight[n] over `inner` elements.
struct Product {
  ProductRows x;
  /// Null, or [R]: output row r reads row pair_of_row[r] / top_k of x.
  const std::int32_t* pair_of_row = nullptr;
  std::int64_t top_k = 1;
  ProductWeight weight = {};
  std::int64_t inner;
  float* out;  // [R, columns]
  std::int64_t columns;
};

/// Rows [row_begin, row_end) and columns [column_begin, column_end) of an output.
struct Block {
  std::int64_t row_begin;
  std::int64_t row_end;
  std::int64_t column_begin;
  std::int64_t column_end;
};

/// The largest block that kernels are given.
inline constexpr std::int64_t kBlockRows = 96;
inline constexpr std::int64_t kBlockColumns = 128;

/// The blocks that cover the outputs of groups of rows: group g has rows [offsets[g],
/// offsets[g + 1]) and a weight matrix of its own, and no block has rows of two groups. Blocks are
/// numbered along the columns first, so that those of one group stand together.
class GroupBlocks {
 public:
  /// Makes blocks small enough to give every thread several. `offsets` must outlive this.
  GroupBlocks(std::span<const std::int32_t> offsets, std::int64_t columns, int threads);

  std::int64_t count() const { return row_blocks_ * column_blocks_; }

  /// Calls body(group, block) for the blocks [begin, end).
  template <class Body>
  void for_each(std::int64_t begin, std::int64_t end, const Body& body) const {
    if (begin >= end) {
      return;
    }
    Position at = find(begin);
    for (std::int64_t i = begin; i < end; ++i) {
      body(at.group, block(at));
      advance(at);
    }
  }

 private:
  struct Position {
    std::size_t group;
    std::int64_t row_block;
    std::int64_t column_block;
  };
  std::int64_t rows_of(std::size_t group) const { return offsets_[group + 1] - offsets_[group]; }
  Position find(std::int64_t index) const;
  void advance(Position& at) const;
  Block block(const Position& at) const;

  std::span<const std::int32_t> offsets_;
  std::int64_t columns_;
  std::int64_t block_columns_ = kBlockColumns;
  std::int64_t row_blocks_ = 0;
  std::int64_t column_blocks_ = 0;
};

/// Calls body(group, block) for all blocks, on several threads where `multiplications` (of the
/// whole output) repay waking them.
template <class Body>
void for_each_block(const Context& ctx, const GroupBlocks& blocks, std::int64_t multiplications,
                    const Body& body) {
  constexpr std::int64_t kSerialMultiplications = 65536;
  if (multiplications < kSerialMultiplications) {
    return blocks.for_each(0, blocks.count(), body);
  }
  pool_of(ctx).parallel_for(blocks.count(), 1, [&](std::int64_t begin, std::int64_t end, int) {
    blocks.for_each(begin, end, body);
  });
}

/// Converts x [T, K] F32 as `precision` asks for, into scratch where it changes anything.
/// `weight_dtype` is that of all weights, or kF32 where they differ.
ProductRows product_rows(const Context& ctx, ScratchScope& scratch, const tensor::Tensor& x,
                         tensor::DType weight_dtype, Precision precision);

/// The bytes of scratch that product_rows takes for T rows of K.
std::int64_t product_rows_bytes(std::int64_t rows, std::int64_t inner);

/// Rows to round to bfloat16.
struct RoundedRows {
  const float* x;  // [T, width]
  std::int64_t width;
  tensor::DType dtype;  // of out: kBF16, or kF32 for the rounded values in float32
  std::int64_t stride;  // elements
  void* out;            // [T, stride]
};

namespace kernels {

template <cpu::Isa isa>
void round_rows(const RoundedRows& args, std::int64_t begin, std::int64_t end);

/// Computes a block of the output.
template <cpu::Isa isa>
void product(const Product& args, const Block& block);

/// out = SiLU(x gate^T) * (x up^T) for a block; `gate` has the rows and the output.
template <cpu::Isa isa>
void gated_product(const Product& gate, const ProductWeight& up, const Block& block);

}  // namespace kernels

}  // namespace minimax::ops
