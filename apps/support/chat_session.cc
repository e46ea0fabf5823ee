// SPDX-License-Identifier: Apache-2.0
#include "support/chat_session.h"

#include <algorithm>
#include <utility>

#include "support/conversation.h"

namespace minimax::apps {

bool continues(std::span<const std::int32_t> ids, std::span<const std::int32_t> prefix) {
  return ids.size() > prefix.size() && std::equal(prefix.begin(), prefix.end(), ids.begin());
}

ChatSession::ChatSession(MiniMaxForCausalLM& model, const Tokenizer& tokenizer)
    : model_(model),
      tokenizer_(tokenizer),
      latest_{model.new_state(), {}},
      before_{model.new_state(), {}} {}

void ChatSession::forget() {
  latest_ = {model_.new_state(), {}};
  before_ = {model_.new_state(), {}};
}

void ChatSession::recall(std::span<const std::int32_t> prompt) {
  if (continues(prompt, latest_.ids)) {
    before_ = latest_;
  } else if (continues(prompt, before_.ids)) {
    latest_ = before_;
  } else {
    forget();
  }
  reused_tokens_ = static_cast<std::int64_t>(latest_.ids.size());
}

GenerateOutput ChatSession::reply(const GenerationConfig& config, GenerateOptions options) {
  const std::vector<std::int32_t> prompt = tokenizer_.encode_chat(base::write_json(messages_));
  recall(prompt);
  options.tokenizer = &tokenizer_;
  options.state = &latest_.state;
  // Limits of the whole length count what is in the state, too.
  GenerationConfig one = config.for_prompt(static_cast<std::int64_t>(prompt.size()));
  one.num_beams = 1;  // a conversation streams one answer and keeps its state
  one.num_return_sequences = 1;
  GenerateOutput output;
  try {
    output = model_.generate(std::span(prompt).subspan(latest_.ids.size()), one, options);
  } catch (...) {
    forget();  // where it stopped is not known
    throw;
  }
  latest_.ids = prompt;
  latest_.ids.insert(latest_.ids.end(), output.tokens.begin(), output.tokens.end());
  // The last token was chosen but need not have been read, and a cancelled prompt is read in part.
  latest_.ids.resize(static_cast<std::size_t>(latest_.state.length()));
  if (output.finish_reason != FinishReason::kCancelled || !output.text.empty()) {
    messages_.push_back(make_message("assistant", output.text));
  }
  return output;
}

}  // namespace minimax::apps
