// SPDX-License-Identifier: Apache-2.0
// A conversation with a model whose state is kept between turns, so that only new tokens are read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/json.h"
#include "minimax/model.h"

namespace minimax::apps {

class ChatSession {
 public:
  /// Requires: both outlive the session.
  ChatSession(MiniMaxForCausalLM& model, const Tokenizer& tokenizer);

  /// The conversation; may be changed at will between replies.
  base::JsonArray& messages() { return messages_; }

  /// Generates the reply to the conversation as it stands and appends it. Of `options`, tokenizer
  /// and state are set here. What a cancelled reply said so far is kept, if anything.
  /// Throws: as the tokenizer and the model; the conversation is then unchanged.
  GenerateOutput reply(const GenerationConfig& config, GenerateOptions options);

  /// Tokens of the latest prompt that were not read again.
  std::int64_t reused_tokens() const { return reused_tokens_; }
  /// Tokens that the model has in mind, and the memory that they take.
  std::int64_t context_tokens() const { return latest_.state.length(); }
  std::int64_t state_bytes() const {
    return latest_.state.bytes() + before_.state.bytes() - before_.state.shared_bytes();
  }

 private:
  /// A state and the tokens it has seen.
  struct Memory {
    State state;
    std::vector<std::int32_t> ids;
  };

  /// Makes latest_ the longest memory that the prompt continues.
  void recall(std::span<const std::int32_t> prompt);
  void forget();

  MiniMaxForCausalLM& model_;
  const Tokenizer& tokenizer_;
  base::JsonArray messages_;
  Memory latest_;  // after the latest reply
  // As latest_ was before the latest turn: what /regen starts from, and a reply that is tokenized
  // in another way when it is read again.
  Memory before_;
  std::int64_t reused_tokens_ = 0;
};

/// True where `ids` begins with `prefix` and goes on.
bool continues(std::span<const std::int32_t> ids, std::span<const std::int32_t> prefix);

}  // namespace minimax::apps
