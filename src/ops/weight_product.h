// SPDX-License-Identifier: Apache-2.0
// Products with weight matrices of any kind that the CPU has kernels for: plain ones (product.h)
// and quantized ones in panels (panel_product.h), also mixed among the experts of a layer.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

#include "ops/panel_product.h"
#include "ops/product.h"

namespace minimax::ops {

/// Whether the CPU has kernels for all of these: quantized ones must lie in panels.
bool has_kernels(std::span<const quant::Matrix> weights);

/// Rows of activations, rounded for every kind of weights that they meet, and where they go.
struct WeightProduct {
  Precision precision;
  ProductRows plain = {};
  PanelRows panels = {};
  const std::int32_t* pair_of_row = nullptr;  // as in Product
  std::int64_t top_k = 1;
  std::int64_t inner;
  float* out;  // [R, columns]
  std::int64_t columns;
};

/// Rounds the rows of x [T, K] for these weights, of which there is at least one.
WeightProduct weight_product(const Context& ctx, ScratchScope& scratch, const tensor::Tensor& x,
                             std::initializer_list<std::span<const quant::Matrix>> weights,
                             Precision precision);

/// The bytes of scratch that weight_product takes for T rows of K.
std::int64_t weight_product_bytes(std::int64_t rows, std::int64_t inner);

/// Lets every thread fetch the weights that it will begin with in for_each_block(), while rows are
/// rounded. weights[g] are those of group g.
void fetch_ahead(const Context& ctx, const GroupBlocks& blocks,
                 std::span<const quant::Matrix> weights);

/// Computes a block of the output.
void multiply_block(cpu::Isa isa, const WeightProduct& args, const quant::Matrix& weight,
                    const Block& block);

/// out = SiLU(x gate^T) * (x up^T) for a block.
void multiply_gated_block(cpu::Isa isa, const WeightProduct& args, const quant::Matrix& gate,
                          const quant::Matrix& up, const Block& block);

}  // namespace minimax::ops
