// SPDX-License-Identifier: Apache-2.0
// The router of the mixture of experts.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

struct RouterArgs {
  tensor::Tensor x;               // [T, E] F32
  tensor::Tensor weight;          // [N, E] F32
  tensor::Tensor logits;          // [T, N] F32, out
  tensor::Tensor expert_ids;      // [T, K] I32, out: the K largest, largest first
  tensor::Tensor expert_weights;  // [T, K] F32, out: their softmax, renormalised to sum 1
};

/// logits = x weight^T; p = softmax(logits); the K experts of largest p, the lower id first among
/// equal logits, weighted by p over their sum. All in float32: a rounded router picks other
/// experts. The ids are those of experts, each at most once, even where logits are NaN.
void router(const Context& ctx, const RouterArgs& args);

}  // namespace minimax::ops
