// SPDX-License-Identifier: Apache-2.0
// Counts of tokens and their probabilities as the protocols of OpenAI write them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"
#include "minimax/tokenizer.h"
#include "serving/request.h"

namespace minimax::server {

/// Adds up the usage of the requests of a job.
void add_usage(const serving::Usage& usage, serving::Usage& sum);

/// `usage` of chat/completions and completions, with all detail fields.
base::Json usage_json(const serving::Usage& usage, std::int64_t reasoning_tokens);

/// `prompt_progress` of a chunk, as llama-server has it.
base::Json progress_json(const serving::PromptProgress& progress);

/// The elements of choices[].logprobs.content of chat/completions.
base::JsonArray logprobs_json(const std::vector<serving::TokenLogprobs>& logprobs,
                              const Tokenizer& tokenizer);

/// "minimax-" and the version, for system_fingerprint.
std::string fingerprint();

}  // namespace minimax::server
