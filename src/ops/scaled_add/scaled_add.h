// SPDX-License-Identifier: Apache-2.0
// The weighted sum of a residual and a branch (DeepNorm's alpha and beta).
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// The arguments of scaled_add; all tensors have one shape, F32, and out may be a or b.
struct ScaledAddArgs {
  float alpha;
  tensor::Tensor a;  // [T, E]
  float beta;
  tensor::Tensor b;    // [T, E]
  tensor::Tensor out;  // [T, E]
};

/// out = alpha * a + beta * b.
void scaled_add(const Context& ctx, const ScaledAddArgs& args);

}  // namespace minimax::ops
