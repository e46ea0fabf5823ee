// SPDX-License-Identifier: Apache-2.0
// One answer in the making: its tokens, its text, and whether it has ended.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/generation_steps.h"
#include "engine/sampler.h"
#include "engine/text_stream.h"

namespace minimax::engine {

class Sequence {
 public:
  /// Sequence number `index` of the call, after `past` tokens of a state. It draws with the seed of
  /// the configuration plus `index`. `call` must outlive the sequence.
  /// Throws: Error{kInvalidArgument} where max_length leaves no room.
  Sequence(const GenerationCall& call, const Prompt& prompt, std::int64_t past, std::int64_t index);

  /// Chooses the next token of a row of logits, which become scores, and takes it into the answer,
  /// which may end with it.
  void advance(std::span<float> logits);
  /// The same, preferring a drawn candidate where that changes no probability.
  void advance(std::span<float> logits, const DrawnToken& candidate);
  /// Whether plan() and take_token() can stand for advance().
  bool can_plan() const;
  ChoicePlan plan() { return sampler_.plan(history_, new_tokens()); }
  /// Takes the token that a plan chose into the answer. Throws: as advance(), for what stands in
  /// place of a token (ops/choose_tokens.h).
  void take_token(std::int32_t token);
  /// Ends the answer, unless it has ended.
  void finish(FinishReason reason);

  bool finished() const { return finished_; }
  std::int64_t new_tokens() const { return static_cast<std::int64_t>(output_.tokens.size()); }
  std::int64_t max_new_tokens() const { return config_.max_new_tokens.value(); }
  std::span<const std::int32_t> tokens() const { return output_.tokens; }
  /// The prompt, if it was ids, and the tokens.
  std::span<const std::int32_t> ids() const { return history_; }
  const GenerationConfig& config() const { return config_; }
  std::int32_t last_token() const { return output_.tokens.back(); }

  /// The answer, once it has ended.
  GenerateOutput take();

 private:
  void accept(std::int32_t token, std::span<const float> scores);
  void emit(const std::string& text);
  bool wants_more(std::int32_t token) const;
  std::optional<FinishReason> reason_to_end(std::int32_t token, std::span<const float> scores);

  const GenerationCall& call_;
  std::int64_t index_;
  GenerationConfig config_;  // with what applies after this prompt
  Sampler sampler_;
  std::optional<TextStream> text_;
  std::vector<std::int32_t> history_;  // the prompt and the answer
  GenerateOutput output_;
  bool finished_ = false;
};

}  // namespace minimax::engine
