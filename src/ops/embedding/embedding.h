// SPDX-License-Identifier: Apache-2.0
// Rows of the embedding table.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "quant/matrix.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// out[t] = table[token_ids[t]], converted to float32.
/// Shapes: table [V, E] of any format; token_ids [T]; out [T, E] F32.
/// Throws: Error{kInvalidArgument} for an id outside of [0, V).
void embedding(const Context& ctx, const quant::Matrix& table,
               std::span<const std::int32_t> token_ids, const tensor::Tensor& out);

}  // namespace minimax::ops
