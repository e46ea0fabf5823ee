// SPDX-License-Identifier: Apache-2.0
// Mixes the routed experts with the shared expert.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// With c = 1 / (1 + exp(-coefficient[t])): out[t] = (1 - c) * routed[t] + c * shared[t].
/// Shapes: coefficient [T, 1] F32; routed, shared, out [T, E] F32; out may be routed or shared.
void sigmoid_blend(const Context& ctx, const tensor::Tensor& coefficient,
                   const tensor::Tensor& routed, const tensor::Tensor& shared,
                   const tensor::Tensor& out);

}  // namespace minimax::ops
