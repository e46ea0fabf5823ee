// SPDX-License-Identifier: Apache-2.0
#include "server/choice.h"

#include <iterator>
#include <utility>

#include "server/answer.h"

namespace minimax::server {

Choice::Choice(const text::AnswerFormat& format, std::string_view beginning) : parser_(format) {
  // It opens a call, so nothing in it is certain yet.
  parser_.push(beginning);
}

std::vector<text::AnswerPiece> Choice::push(const serving::Event& event) {
  check_event(event);
  std::vector<text::AnswerPiece> pieces = parser_.push(event.text);
  if (parser_.is_reasoning()) {
    reasoning_tokens_ += static_cast<std::int64_t>(event.tokens.size());
  }
  if (event.finish_reason) {
    reason_ = event.finish_reason;
    std::vector<text::AnswerPiece> last = parser_.finish();
    pieces.insert(pieces.end(), std::make_move_iterator(last.begin()),
                  std::make_move_iterator(last.end()));
  }
  return pieces;
}

const char* Choice::finish_reason() const {
  const char* reason = finish_reason_text(*reason_);
  return has_tool_calls() && *reason_ != FinishReason::kLength ? "tool_calls" : reason;
}

}  // namespace minimax::server
