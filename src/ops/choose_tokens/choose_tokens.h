// SPDX-License-Identifier: Apache-2.0
// Chooses the next token of every sequence on the GPU, so that a step reads back nothing but
// tokens. The host's way, and what this is tested against, is engine/sampler.h.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// What changes the score of one token before one is chosen, in this order.
struct ScoreEdit {
  std::int32_t id = 0;
  std::int32_t is_forbidden = 0;
  float repetition = 1.0f;  // positive scores are divided by it, negative ones multiplied
  double penalty = 0.0;     // added
  double bias = 0.0;        // added
};

/// How the token of one sequence is chosen: the best one, the lowest id among equals; or one drawn
/// from the scores over `divisor` that the filters leave.
struct ChoiceRule {
  std::int32_t draws = 0;
  float divisor = 1.0f;    // the temperature
  std::int64_t top_k = 0;  // 0: no limit
  double top_p = 1.0;
  double min_p = 0.0;
  double uniform = 0.0;              // the random number in [0, 1) that the draw follows from
  const ScoreEdit* edits = nullptr;  // of different tokens
  std::int64_t edit_count = 0;
};

struct ChooseTokensArgs {
  tensor::Tensor logits;              // [B, V] F32; changed by edits
  std::span<const ChoiceRule> rules;  // [B]
  std::span<std::int32_t> tokens;     // [B]
};

/// In place of a token, where the model computed a logit that is no number or plus infinity.
inline constexpr std::int32_t kNoNumber = -1;
/// In place of a token, where all are forbidden.
inline constexpr std::int32_t kNoneLeft = -2;

/// The bytes of scratch that choose_tokens takes.
std::int64_t choose_tokens_scratch_bytes(std::int64_t sequences);

/// All arguments, and what they point to, lie in the memory of the GPU. Filters come in the order
/// of the fields of ChoiceRule. Probabilities are summed as whole multiples of 2^-44 of the best
/// one, in any order, so that a draw follows from the logits and the rule alone; it differs from
/// that of the host where its random number is that near to the border of two tokens. Grid: one
/// block a sequence, after 32 that look for the best score; bytes: the logits, up to eight times
/// from cache.
namespace cuda {
void choose_tokens(const Context& ctx, const ChooseTokensArgs& args);
}

}  // namespace minimax::ops
