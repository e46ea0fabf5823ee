// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding of the softmax layers.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// Cosines and sines of position * theta^(-2j/R), j = 0 .. R/2-1, once per forward pass. The
/// frequency and the product are rounded to float32 as in the published implementation, so that
/// positions far out agree with what the model was trained on; docs/numerics.md has the error.
/// Shapes: positions [T]; cos, sin [T, R/2] F32.
void rope_table(const Context& ctx, std::span<const std::int64_t> positions, double theta,
                const tensor::Tensor& cos, const tensor::Tensor& sin);

/// Rotates the pairs (j, j + R/2) of the first R dimensions of every head, in place; dimensions
/// from R on pass through.
/// Shapes: x [T, H, D] F32; cos, sin [T, R/2] F32 with R <= D.
/// Source: Su et al. 2021, equation 34, in the half-rotating layout of GPT-NeoX.
void rope(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& cos,
          const tensor::Tensor& sin);

}  // namespace minimax::ops
