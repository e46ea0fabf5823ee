// SPDX-License-Identifier: Apache-2.0
// What computes matmul on the reference device, on plain arrays; the kernels of the CPU are those
// of ops/product.h.
#pragma once

#include <cstdint>

#include "ops/context.h"
#include "ops/matmul/matmul.h"
#include "quant/matrix.h"

namespace minimax::ops::reference {

/// out[n] = x . weight[n], K activations by the N rows of a matrix [N, K], summed in float64.
void matmul_row(const float* x, const quant::Matrix& weight, Precision precision, float* out);

}  // namespace minimax::ops::reference

namespace minimax::ops::cuda {

/// Weights that have to be decoded are decoded in parts of at most so many bytes, or one row.
inline constexpr std::int64_t kDecodedBytes = std::int64_t{256} << 20;

/// On the arguments of the operation, checked.
void matmul(const Context& ctx, const MatmulArgs& args);

/// All products in one launch, if there is a kernel for them; else does nothing and returns false.
bool joined_matmul(const Context& ctx, const JoinedMatmulArgs& args);

}  // namespace minimax::ops::cuda
