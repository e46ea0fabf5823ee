// SPDX-License-Identifier: Apache-2.0
// The norm of lightning attention and its output gate: rms_norm, then sigmoid_mul, as one
// operation.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// The arguments of gated_norm. On a GPU x, gate and out have one type.
struct GatedNormArgs {
  tensor::Tensor x;       // [T, E]
  tensor::Tensor weight;  // [E] F32
  double eps;
  tensor::Tensor gate;  // [T, E]
  tensor::Tensor out;   // [T, E], may be x
};

/// out[t] = weight * x[t] / sqrt(mean(x[t]^2) + eps) / (1 + exp(-gate[t])).
void gated_norm(const Context& ctx, const GatedNormArgs& args);

}  // namespace minimax::ops
