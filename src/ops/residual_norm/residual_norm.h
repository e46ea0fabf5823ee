// SPDX-License-Identifier: Apache-2.0
// The end of a branch and the norm that follows: scaled_add, then rms_norm, as one operation.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// The arguments of residual_norm. On a GPU a, b and out have one type; sum is F32 everywhere.
struct ResidualNormArgs {
  float alpha;
  tensor::Tensor a;  // [T, E]
  float beta;
  tensor::Tensor b;       // [T, E]
  tensor::Tensor weight;  // [E] F32
  double eps;
  tensor::Tensor sum;  // [T, E] F32
  tensor::Tensor out;  // [T, E], may be a or b
};

/// sum = alpha * a + beta * b; out[t] = weight * sum[t] / sqrt(mean(sum[t]^2) + eps).
void residual_norm(const Context& ctx, const ResidualNormArgs& args);

}  // namespace minimax::ops
