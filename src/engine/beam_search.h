// SPDX-License-Identifier: Apache-2.0
// Beam search for one prompt, without the model: rows of logits in, beams and hypotheses out.
// K: num_beams, V: vocab_size.
// Source: GenerationMixin._beam_search in transformers 5.17, generation/utils.py, whose scores are
// float32, too; among equal scores the lower beam and the lower id come first.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/generation_steps.h"
#include "engine/processor_list.h"

namespace minimax::engine {

/// A sequence that is being searched or was found.
struct Beam {
  std::vector<std::int32_t> ids = {};           // the prompt and the answer
  std::vector<std::int64_t> beam_indices = {};  // the beam that each token of the answer continued
  std::vector<float> scores = {};               // of each token, with output_scores
  std::vector<float> logprobs = {};
  float score = 0.0F;  // while running: the sum of the scores of all tokens
  bool is_finished = false;
  FinishReason reason = FinishReason::kLength;
};

class BeamSearch {
 public:
  /// The search draws with the seed of the configuration plus `index`. `call` must outlive it.
  /// Throws: Error{kInvalidArgument} where max_length leaves no room.
  BeamSearch(const GenerationCall& call, const Prompt& prompt, std::int64_t index);

  /// Continues every beam by a token. Shapes: logits [K, V], or [1, V] right after the prompt; they
  /// become scores.
  void step(std::span<float> logits);
  /// Ends the search with what there is.
  void finish(FinishReason reason);

  bool is_finished() const { return is_finished_; }
  std::int64_t max_new_tokens() const { return config_.max_new_tokens.value(); }
  /// The beams to continue, the best first. [K]
  std::span<const Beam> running() const { return running_; }

  /// The num_return_sequences best answers, the best first.
  std::vector<GenerateOutput> take();

 private:
  struct Candidate {
    std::int64_t beam;
    std::int32_t token;
    float score;                         // the sum
    std::optional<FinishReason> reason;  // to end with this token
  };

  struct Text {
    std::string text;
    bool stopped = false;
  };

  void accumulate(std::span<float> logits);
  std::vector<Candidate> candidates(std::span<const float> scores);
  std::vector<std::int64_t> draw(std::span<const float> sums, std::int64_t count);
  std::optional<FinishReason> reason_to_end(const Beam& beam, std::int32_t token,
                                            std::span<const float> scores) const;
  Beam extended(const Candidate& candidate, std::span<const float> scores) const;
  void keep_finished(const std::vector<Candidate>& candidates, std::span<const float> scores);
  void keep_running(std::vector<Candidate>& candidates, std::span<const float> scores);
  void check_improvement();
  float normalized(float score, std::int64_t length) const;
  std::span<const float> row_of_beam(std::span<const float> scores, std::int64_t beam) const;
  std::span<const std::int32_t> answer_of(std::span<const std::int32_t> ids) const;
  Text text_of(std::span<const std::int32_t> tokens) const;
  GenerateOutput output_of(const Beam& beam) const;

  const GenerationCall& call_;
  const Prompt& prompt_;
  GenerationConfig config_;  // with what applies after this prompt
  ProcessorList processors_;
  base::SplitMix64 random_;
  std::vector<Beam> running_;   // [K]
  std::vector<Beam> finished_;  // [K], the best first
  std::vector<float> sums_;     // [K, V]
  std::int64_t new_tokens_ = 0;
  double prompt_seconds_ = 0.0;
  bool can_improve_ = true;
  bool is_finished_ = false;
};

}  // namespace minimax::engine
