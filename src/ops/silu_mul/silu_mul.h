// SPDX-License-Identifier: Apache-2.0
// The gate of a SwiGLU feed-forward layer.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// out = SiLU(gate) * up with SiLU(x) = x / (1 + exp(-x)).
/// Shapes: all [T, F] F32; out may be gate or up.
void silu_mul(const Context& ctx, const tensor::Tensor& gate, const tensor::Tensor& up,
              const tensor::Tensor& out);

}  // namespace minimax::ops
