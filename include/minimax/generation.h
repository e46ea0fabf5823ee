// SPDX-License-Identifier: Apache-2.0
// What generate() is told besides a GenerationConfig, and what it returns.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "minimax/logits_processor.h"
#include "minimax/state.h"
#include "minimax/stopping_criteria.h"
#include "minimax/tokenizer.h"

namespace minimax {

enum class FinishReason {
  kEndOfSequence,
  kStopString,
  kStoppingCriteria,
  kLength,
  kTime,
  kCancelled,
};

/// "stop" for an end token, stop string or stopping criterion, "length", "time" or "cancelled".
const char* finish_reason_name(FinishReason reason);

class MiniMaxForCausalLM;

struct GenerateOptions {
  const Tokenizer* tokenizer = nullptr;  ///< required for text and stop_strings
  /// Continued from (the input follows it) and advanced. For calls with one sequence.
  State* state = nullptr;
  /// Called in this order, after the processors of the GenerationConfig that forbid or penalize
  /// tokens and before temperature and the filters. Those that look back, these too, see the tokens
  /// of this call, not what is behind `state`.
  std::vector<LogitsProcessor> logits_processor = {};
  /// A smaller model with the same vocabulary, which drafts num_assistant_tokens tokens at a time:
  /// the answer is what it would be without, in fewer passes of the model. Without sampling it is
  /// the same token for token, except that scores within the rounding of each other may change
  /// places; with sampling it has the same probabilities, but not the same draws. One sequence runs
  /// after the other, and processors of the caller see candidates, too.
  MiniMaxForCausalLM* assistant_model = nullptr;
  /// Any of them ends a sequence.
  std::vector<StoppingCriteria> stopping_criteria = {};
  // What follows streams the answers. on_token and on_text are for calls with one sequence; the
  // others say which output the token or text will be in, too.
  /// Called with every new token; returning false ends its sequence.
  std::function<bool(std::int32_t token)> on_token = {};
  /// Called with text as it becomes certain: whole UTF-8 characters, no part of a stop string.
  std::function<void(std::string_view text)> on_text = {};
  std::function<bool(std::int64_t output, std::int32_t token)> on_batch_token = {};
  std::function<void(std::int64_t output, std::string_view text)> on_batch_text = {};
  /// Asked between the pieces of a long prompt and before every token; true ends the generation.
  std::function<bool()> cancelled = {};
  /// Called while a long prompt is read.
  std::function<void(std::int64_t done_tokens, std::int64_t total_tokens)> on_prompt_progress = {};
};

struct GenerateOutput {
  std::vector<std::int32_t> tokens;  ///< the new ones, an end token included
  std::string text;                  ///< of the new tokens, up to a stop string; needs a tokenizer
  /// With output_scores, for each token: its score after all processors, and the logarithm of the
  /// probability with which it was drawn, or would have been. In transformers,
  /// compute_transition_scores without and with normalize_logits.
  std::vector<float> scores;
  std::vector<float> logprobs;
  // Of beams: the sum of the scores over the length to the power of length_penalty, and the beam
  // that each token continued.
  float sequences_score = 0.0F;
  std::vector<std::int64_t> beam_indices;
  FinishReason finish_reason = FinishReason::kLength;
  std::int64_t prompt_tokens = 0;
  double prompt_seconds = 0.0;    ///< until the first token was chosen
  double generate_seconds = 0.0;  ///< from then on
};

}  // namespace minimax
