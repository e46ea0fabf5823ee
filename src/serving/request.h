// SPDX-License-Identifier: Apache-2.0
// What a client asks of a Service and what it is told in return. Plain values: protocols are
// translated into them elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "minimax/error.h"
#include "minimax/generation.h"
#include "minimax/generation_config.h"
#include "minimax/logits_processor.h"

namespace minimax::serving {

/// What a client wants done with one prompt.
enum class Task { kGenerate, kEmbed };

/// How the last hidden states of a prompt become one embedding.
enum class Pooling { kMean, kLast };

/// Makes the processors of one answer. Called once for each of the n answers; the processors of
/// different answers may run on different threads at the same time.
using ProcessorFactory = std::function<std::vector<LogitsProcessor>()>;

/// A prompt and what to make of it.
struct Request {
  Task task = Task::kGenerate;
  std::vector<std::int32_t> prompt = {};  ///< token ids, at least one
  /// num_return_sequences is the number of answers, which draw with the seeds seed, seed + 1, ...;
  /// num_beams must be 1. Where several answers are asked for without do_sample, all are the same.
  /// max_new_tokens may be 0: the prompt is read, and the answer ends with kLength.
  GenerationConfig config = {};
  /// Of each new token: its logarithm of probability, and those of so many of the likeliest ones.
  /// As the model gave them: before penalties, temperature and filters.
  std::optional<std::int64_t> top_logprobs = {};
  /// The same for the tokens of the prompt but for the first, which nothing predicts.
  std::optional<std::int64_t> prompt_logprobs = {};
  bool wants_progress = false;              ///< an event for every step that reads of the prompt
  ProcessorFactory logits_processors = {};  ///< e.g. a grammar; may be empty
  Pooling pooling = Pooling::kMean;         ///< of Task::kEmbed
  /// Requests share prefixes with those of the same salt only, and wait in turn with the others.
  std::string cache_salt = {};
  std::int32_t priority = 0;  ///< lower goes first
};

/// A token that was chosen, or stands in the prompt, and what the model thought of it.
struct TokenLogprobs {
  std::int32_t token = 0;
  float logprob = 0.0F;
  std::vector<std::pair<std::int32_t, float>> top;  ///< the likeliest tokens, best first
};

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;      ///< of the prompt, not computed again
  std::int64_t completion_tokens = 0;  ///< of all answers
  double queue_seconds = 0.0;          ///< until the request was let in
  double prefill_seconds = 0.0;        ///< from then on, until the first token
  double decode_seconds = 0.0;         ///< from then on
};

/// How much of a prompt has been read.
struct PromptProgress {
  std::int64_t total = 0;      ///< tokens of the prompt
  std::int64_t cached = 0;     ///< of these, not computed
  std::int64_t processed = 0;  ///< of these, behind us, the cached ones included
  double seconds = 0.0;        ///< since the request was let in
};

/// What happened to a request in one step of the engine.
struct Event {
  std::int64_t index = 0;                    ///< which of the n answers
  std::vector<std::int32_t> tokens = {};     ///< new ones
  std::string text = {};                     ///< that became certain: whole UTF-8 characters,
                                             ///< never part of a stop string
  std::vector<TokenLogprobs> logprobs = {};  ///< of `tokens`, if asked for
  /// With the first event, if asked for; the first token of the prompt has none.
  std::vector<TokenLogprobs> prompt_logprobs = {};
  std::vector<float> embedding = {};            ///< [hidden_size] of Task::kEmbed, not normalized
  std::optional<PromptProgress> progress = {};  ///< if asked for; then there is nothing else
  std::optional<FinishReason> finish_reason = {};  ///< of this answer
  std::optional<Error> error = {};                 ///< the request failed; nothing follows
  bool is_last = false;                            ///< of the whole request; `usage` is then filled
  Usage usage = {};
};

/// Is told the events of a request in their order, on the thread of the engine. Must not block:
/// every other request waits for it. Where it throws, the request fails.
using Sink = std::function<void(Event)>;

using RequestId = std::uint64_t;

}  // namespace minimax::serving
