// SPDX-License-Identifier: Apache-2.0
// Chooses the next token from a row of logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "engine/processor_list.h"
#include "ops/choose_tokens/choose_tokens.h"

namespace minimax::engine {

/// A token that another distribution gave. Scores: minus infinity for what it does not give.
struct DrawnToken {
  std::int32_t token;
  std::span<const float> scores;
};

/// How a GPU chooses a token: what stands for sample() of one row.
struct ChoicePlan {
  ops::ChoiceRule rule;               // its pointers are unset
  std::vector<ops::ScoreEdit> edits;  // of the rule
};

/// Whether all active processors are of those that a ChoicePlan has a place for.
bool can_be_planned(const ProcessorList& processors);

/// Draws tokens for one sequence. The same seed and logits give the same tokens on every machine.
class Sampler {
 public:
  /// `suppressed` are never chosen, whatever the processors say. Everything is copied.
  Sampler(const GenerationConfig& config, std::span<const std::int32_t> suppressed,
          std::vector<LogitsProcessor> user_defined = {});

  /// The next token, after `generated` new ones; `history` holds all tokens so far, the prompt's
  /// too, for the processors that look back. `logits` become the processed scores.
  /// Throws: as ProcessorList::apply.
  std::int32_t sample(std::span<float> logits, std::span<const std::int32_t> history,
                      std::int64_t generated);

  /// The same distribution, but equal to `candidate` as often as its own distribution allows.
  /// Source: speculative sampling, Leviathan et al. 2023, algorithm 1; Chen et al. 2023.
  std::int32_t sample(std::span<float> logits, std::span<const std::int32_t> history,
                      std::int64_t generated, const DrawnToken& candidate);

  /// Whether plan() can stand for sample(): where all active processors are filters, penalties and
  /// lists of tokens, and not too many tokens count.
  bool can_plan(std::span<const std::int32_t> history, std::int64_t generated) const;
  /// What the next call of sample() does; takes its random number.
  ChoicePlan plan(std::span<const std::int32_t> history, std::int64_t generated);

 private:
  std::int32_t draw(std::span<const float> weights);

  GenerationConfig config_;
  std::vector<std::int32_t> suppressed_;
  ProcessorList processors_;
  bool has_plans_;
  bool is_sampling_;
  base::SplitMix64 random_;
};

/// The id of the largest logit, the lowest among equals.
std::int32_t argmax(std::span<const float> logits);

}  // namespace minimax::engine
