// SPDX-License-Identifier: Apache-2.0
// Sorts (token, expert) pairs by expert, so that each expert works on consecutive rows.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// A pair is numbered token * K + slot. Within an expert the pairs keep their order.
struct MoePermuteArgs {
  tensor::Tensor expert_ids;   // [T, K] I32
  tensor::Tensor offsets;      // [N + 1] I32, out: expert e has rows [offsets[e], offsets[e + 1])
  tensor::Tensor pair_of_row;  // [T * K] I32, out
  tensor::Tensor row_of_pair;  // [T * K] I32, out: the inverse
};

void moe_permute(const Context& ctx, const MoePermuteArgs& args);

}  // namespace minimax::ops
