// SPDX-License-Identifier: Apache-2.0
// Weights of any format and layout to plain rows on the GPU, for products that take them from
// scratch.
#pragma once

#include <cstdint>

#include "ops/context.h"
#include "quant/matrix.h"
#include "tensor/tensor.h"

namespace minimax::ops::cuda {

/// Rows [first, first + rows of out) of a matrix. out: [rows, columns], F32 or BF16; BF16 where the
/// weights are tiles, of which `first` is a multiple of 16. Throws: Error{kDevice}.
void decode_rows(const Context& ctx, const quant::Matrix& weight, std::int64_t first,
                 const tensor::Tensor& out);

}  // namespace minimax::ops::cuda
