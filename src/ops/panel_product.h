// SPDX-License-Identifier: Apache-2.0
// Products with quantized weights in panels (quant/panels.h) on the CPU: what the operations share
// beside ops/product.h. No arithmetic: that is in the panel_*_cpu.cc files.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/context.h"
#include "ops/product.h"
#include "ops/scratch.h"
#include "quant/matrix.h"

namespace minimax::ops {

/// 32 activations rounded to int8: element i stands for codes[i] * scale. One line of the cache
/// holds all that a kernel wants of them.
struct alignas(64) Int8Group {
  std::int8_t codes[std::size_t{kInt8GroupElements}];  // -127 to 127
  float scale;
  std::int32_t minus_sum;                        // of all codes
  std::int32_t minus_half_sums[std::size_t{2}];  // of the codes of either half
  float scaled_sum;                              // scale times the sum of all codes
  float scaled_half_sums[std::size_t{2}];        // the same for either half
};
static_assert(sizeof(Int8Group) == 64);

/// Rows of activations: of groups, or of floats for exact products. One of them is null.
struct PanelRows {
  const Int8Group* groups = nullptr;
  const float* floats = nullptr;
  std::int64_t stride;  // of either, from one row to the next
};

/// A weight matrix [columns, inner] in panels of sixteen columns.
struct PanelWeight {
  const std::byte* data;
  quant::Format format;
  std::int64_t panel_bytes;
};

/// Requires: a matrix in panels.
PanelWeight panel_weight(const quant::Matrix& matrix);

/// out[r, n] = x[r] . weight[n] over `inner` elements, for the columns of a block.
struct PanelProduct {
  PanelRows x;
  const std::int32_t* pair_of_row = nullptr;  // as in Product
  std::int64_t top_k = 1;
  PanelWeight weight = {};
  const std::byte* after = nullptr;  // what is read next; null: what follows in memory
  std::int64_t inner;
  float* out;               // of the block's first row and column
  std::int64_t out_stride;  // elements
};

/// Rows to round to int8.
struct Int8Rows {
  const float* x;  // [T, width]
  std::int64_t width;
  Int8Group* out;  // [T, width / 32]
};

/// Converts x [T, K] F32 as `precision` asks for, into scratch where it changes anything. K is a
/// multiple of 32.
PanelRows panel_rows(const Context& ctx, ScratchScope& scratch, const tensor::Tensor& x,
                     Precision precision);

/// The bytes of scratch that panel_rows takes for T rows of K.
std::int64_t panel_rows_bytes(std::int64_t rows, std::int64_t inner);

namespace kernels {

template <cpu::Isa isa>
void quantize_rows(const Int8Rows& args, std::int64_t begin, std::int64_t end);

/// Computes a block of the output, whose first column is a multiple of sixteen, from int8
/// activations.
template <cpu::Isa isa>
void panel_product(const PanelProduct& args, const Block& block);

/// The same from float32 activations, with weights decoded exactly. Made for exactness, not speed.
template <cpu::Isa isa>
void exact_panel_product(const PanelProduct& args, const Block& block);

}  // namespace kernels

}  // namespace minimax::ops
