// SPDX-License-Identifier: Apache-2.0
// Chooses the next token from a row of logits.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "minimax/generation_config.h"

namespace minimax::engine {

/// Draws tokens for one sequence. The same seed and logits give the same tokens on every machine.
class Sampler {
 public:
  /// `suppressed` are never chosen. Both spans are copied.
  Sampler(const GenerationConfig& config, std::span<const std::int32_t> suppressed);

  /// The next token, after `generated` new ones; `history` holds all tokens so far, the prompt's
  /// too, for the repetition penalty. `logits` are changed in place.
  /// Throws: Error{kCorruptFile} where a logit is not a number, Error{kInvalidArgument} where
  /// every token is excluded.
  std::int32_t sample(std::span<float> logits, std::span<const std::int32_t> history,
                      std::int64_t generated);

 private:
  struct Candidate {
    float logit;
    std::int32_t id;
  };

  void exclude(std::span<float> logits, std::int64_t generated) const;
  void penalize_repetition(std::span<float> logits, std::span<const std::int32_t> history) const;
  /// Sorted by falling logit; cut by top_k, top_p and min_p in turn.
  std::vector<Candidate> candidates(std::span<const float> logits) const;
  double uniform();

  GenerationConfig config_;
  std::vector<std::int32_t> suppressed_;
  std::uint64_t random_state_;
};

/// The id of the largest logit, the lowest among equals.
std::int32_t argmax(std::span<const float> logits);

}  // namespace minimax::engine
