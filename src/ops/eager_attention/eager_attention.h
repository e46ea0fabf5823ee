// SPDX-License-Identifier: Apache-2.0
// Softmax attention that keeps its weights: what softmax_attention computes, with the weights in
// memory, to be looked at or to be dropped in training.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "ops/softmax_attention/softmax_attention.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// Sets weights to 0 at random and divides the others by 1 - probability. Whether a weight is
/// dropped follows from the seed, the layer, the sequence, the head and the positions of query and
/// key alone, not from the threads, the batch or the split of the tokens into calls.
struct AttentionDropout {
  double probability = 0.0;  // from 0 to 1
  std::uint64_t seed = 0;
  std::int64_t layer = 0;
  std::span<const std::int64_t> rows = {};  // [B]: the number of each sequence; empty: 0, 1 ...
};

struct EagerAttentionArgs {
  SoftmaxAttentionArgs attention;
  /// [B] of [H, n, length] F32, for the n new tokens of a sequence of `length` tokens: row i holds
  /// the weights of all keys for query i after dropout, 0 for those that it does not see.
  std::span<const tensor::Tensor> weights;
  AttentionDropout dropout = {};
};

/// weights = dropout(softmax(q k^T / sqrt(D))), out = weights v; see softmax_attention.
/// Source: Vaswani et al. 2017, equation 1; Srivastava et al. 2014 for the dropout.
void eager_attention(const Context& ctx, const EagerAttentionArgs& args);

}  // namespace minimax::ops
