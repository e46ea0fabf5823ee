// SPDX-License-Identifier: Apache-2.0
// Sums the outputs of a token's experts.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// out[t] = sum over slots s of expert_weights[t, s] * rows[row_of_pair[t * K + s]], in the order
/// of the slots.
struct MoeCombineArgs {
  tensor::Tensor rows;            // [T * K, E] F32, sorted by expert
  tensor::Tensor row_of_pair;     // [T * K] I32
  tensor::Tensor expert_weights;  // [T, K] F32
  tensor::Tensor out;             // [T, E] F32
};

void moe_combine(const Context& ctx, const MoeCombineArgs& args);

}  // namespace minimax::ops
