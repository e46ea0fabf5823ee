// SPDX-License-Identifier: Apache-2.0
// The output gate of lightning attention.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// out = x / (1 + exp(-gate)).
/// Shapes: all [T, E] F32; out may be x or gate.
void sigmoid_mul(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& gate,
                 const tensor::Tensor& out);

}  // namespace minimax::ops
