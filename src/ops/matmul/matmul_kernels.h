// SPDX-License-Identifier: Apache-2.0
// What computes matmul on the reference device, on plain arrays; the kernels of the CPU are those
// of ops/product.h.
#pragma once

#include <cstdint>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops::reference {

/// The dot product of K activations with row `row` of a weight matrix [N, K], summed in float64.
double dot(const float* x, const tensor::Tensor& weight, std::int64_t row, Precision precision);

/// out[n] = dot(x, weight, n) for all N rows.
void matmul_row(const float* x, const tensor::Tensor& weight, Precision precision, float* out);

}  // namespace minimax::ops::reference
