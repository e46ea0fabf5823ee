// SPDX-License-Identifier: Apache-2.0
// Turns the tokens of one answer into text as it becomes certain.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "minimax/tokenizer.h"
#include "text/detokenizer.h"
#include "text/stop_matcher.h"

namespace minimax::engine {

/// Holds back unfinished UTF-8 characters and whatever could become a stop string.
class TextStream {
 public:
  /// `tokenizer` must outlive the stream.
  TextStream(const Tokenizer& tokenizer, const std::vector<std::string>& stop_strings);

  /// The text that the token makes certain; often empty.
  std::string push(std::int32_t token);
  /// What was held back, at the end of the answer.
  std::string finish();
  /// True once a stop string has appeared; it and all that follows are never returned.
  bool stopped() const;

 private:
  text::Detokenizer detokenizer_;
  text::StopMatcher stop_matcher_;
};

}  // namespace minimax::engine
