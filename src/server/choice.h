// SPDX-License-Identifier: Apache-2.0
// One answer of a conversation while it is written: what all chat protocols share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serving/request.h"
#include "text/answer_parser.h"

namespace minimax::server {

/// Not thread safe.
class Choice {
 public:
  /// `beginning` is what the prompt already holds of the answer.
  Choice(const text::AnswerFormat& format, std::string_view beginning);

  /// The pieces that became certain. Throws: as check_event.
  std::vector<text::AnswerPiece> push(const serving::Event& event);

  bool is_finished() const { return reason_.has_value(); }
  /// Requires: is_finished(). "tool_calls", "stop" or "length".
  const char* finish_reason() const;
  FinishReason reason() const { return *reason_; }
  bool has_tool_calls() const { return parser_.tool_calls() > 0; }
  std::int64_t reasoning_tokens() const { return reasoning_tokens_; }

 private:
  text::AnswerParser parser_;
  std::optional<FinishReason> reason_;
  std::int64_t reasoning_tokens_ = 0;
};

}  // namespace minimax::server
