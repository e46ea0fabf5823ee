// SPDX-License-Identifier: Apache-2.0
// Where the candidates of assisted generation come from: tokens that may follow, for the model to
// verify many at once. V: vocab_size.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/generation_steps.h"
#include "engine/sampler.h"

namespace minimax::engine {

struct Candidates {
  std::vector<std::int32_t> tokens;
  std::vector<float> scores;  // [tokens, V] that they were drawn from; empty: nothing was drawn
};

/// Up to `count` tokens that followed the last tokens of `ids` before: where the longest run of at
/// most `max_ngram_size` last tokens stood first. None after an end token.
/// Source: PromptLookupCandidateGenerator in transformers 5.17, generation/candidate_generator.py;
/// what processors forbid stays in, as it is never accepted.
std::vector<std::int32_t> look_up(std::span<const std::int32_t> ids, std::int64_t max_ngram_size,
                                  std::int64_t count, std::span<const std::int32_t> eos_token_id);

/// What was chosen of a row of logits, and whether the answer ends with it.
struct Choice {
  std::int32_t token;
  bool is_last;
};
/// Chooses the next token, preferring a candidate that was drawn (may be null).
using Choose = std::function<Choice(std::span<float> row, const DrawnToken* drawn)>;

/// Takes tokens as long as they are the candidates, and one more unless the answer ends. Returns
/// the number of candidates taken. Shapes: logits [candidates + 1, V].
std::int64_t verify(const Candidates& candidates, std::span<float> logits, const Choose& choose);

/// Draws candidates from a smaller model.
class DraftModel {
 public:
  /// `call` is that of the model that verifies; it must outlive this. `config` has what applies to
  /// the sequence.
  DraftModel(const GenerationCall& call, MiniMaxPreTrainedModel::Impl& draft,
             const GenerationConfig& config);
  DraftModel(const DraftModel&) = delete;
  DraftModel& operator=(const DraftModel&) = delete;
  ~DraftModel() = default;

  /// Up to `count` tokens to follow `ids`, of which the last `generated` are new. Fewer after an
  /// end token or one that is less likely than assistant_confidence_threshold.
  Candidates propose(std::span<const std::int32_t> ids, std::int64_t generated, std::int64_t count);

 private:
  void catch_up(std::span<const std::int32_t> ids);
  bool is_last(std::int32_t token, std::span<const float> scores) const;

  const GenerationConfig& config_;
  GenerateOptions options_;
  GenerationCall call_;  // on the draft model
  Sampler sampler_;
  model::SequenceState state_;         // of tokens that stand
  model::SequenceState ahead_;         // of candidates, too
  std::vector<std::int32_t> guessed_;  // the tokens that ahead_ has read and state_ has not
  std::vector<float> logits_;          // [V]
};

}  // namespace minimax::engine
