// SPDX-License-Identifier: Apache-2.0
// What computes eager_attention, on plain arrays.
#pragma once

#include <cstdint>

#include "ops/softmax_attention/softmax_attention_kernels.h"

namespace minimax::ops {

/// The dropout of one sequence; see AttentionDropout.
struct SequenceDropout {
  double probability;
  std::uint64_t seed;
  std::int64_t layer;
  std::int64_t row;
};

/// One sequence and where its weights go. Row r of [0, heads * tokens) is the query of token
/// r % tokens and head r / tokens.
struct EagerSequence {
  SoftmaxSequence sequence;
  SequenceDropout dropout;
  float* weights;  // [heads, tokens, begin + tokens]
};

/// The keys [first, end) that a row sees, and where its q, weights and out lie.
struct EagerRow {
  std::int64_t head;
  std::int64_t position;
  std::int64_t first;
  std::int64_t end;
  const float* q;
  float* weights;  // [begin + tokens]
  float* out;
};
EagerRow eager_row(const EagerSequence& args, std::int64_t row);

/// Drops among the weights that a row sees.
void drop_weights(const SequenceDropout& dropout, const EagerRow& row);

namespace reference {
void eager_attention(const EagerSequence& args);
}  // namespace reference

namespace kernels {

/// Rows [begin, end).
template <cpu::Isa isa>
void eager_attention(const EagerSequence& args, std::int64_t begin, std::int64_t end);

}  // namespace kernels

}  // namespace minimax::ops
