// SPDX-License-Identifier: Apache-2.0
// What computes matmul on the reference device, on plain arrays; the kernels of the CPU are those
// of ops/product.h.
#pragma once

#include <cstdint>

#include "ops/context.h"
#include "quant/matrix.h"

namespace minimax::ops::reference {

/// out[n] = x . weight[n], K activations by the N rows of a matrix [N, K], summed in float64.
void matmul_row(const float* x, const quant::Matrix& weight, Precision precision, float* out);

}  // namespace minimax::ops::reference
