// SPDX-License-Identifier: Apache-2.0
// What a single request may ask for. Everything is checked before the engine sees any of it.
#pragma once

#include <cstdint>

namespace minimax::server {

struct RequestLimits {
  std::int64_t answers = 128;          ///< n and best_of
  std::int64_t total_tokens = 262144;  ///< n times the tokens of an answer
  std::int64_t prompts = 2048;         ///< of completions and embeddings
  std::int64_t messages = 16384;
  std::int64_t prompt_bytes = std::int64_t{32} << 20;  ///< of all texts together
  std::int64_t tools = 256;
  std::int64_t stop_strings = 16;
  std::int64_t stop_bytes = 256;  ///< of one stop string
  std::int64_t logit_bias = 1024;
  std::int64_t bad_words = 1024;
  std::int64_t top_logprobs = 20;
};

}  // namespace minimax::server
