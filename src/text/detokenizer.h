// SPDX-License-Identifier: Apache-2.0
// Text from tokens that arrive one by one, for streaming. It never shows a part of a character.
#pragma once

#include <cstdint>
#include <string>

#include "text/decoder.h"
#include "text/tokenizer.h"

namespace minimax::text {

/// All texts returned by push() and flush() together are what Tokenizer::decode returns for all
/// ids at once. The tokenizer must outlive the detokenizer. Not thread safe.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool skip_special_tokens = true);

  /// The text that is complete with this token; may be empty.
  /// Throws: Error{kInvalidArgument} for an id that no token has.
  std::string push(std::int32_t id);

  /// What was held back, with U+FFFD for a character that stayed unfinished. Afterwards the
  /// detokenizer is as new.
  std::string flush();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_tokens_;
  DecoderStream stream_;
};

}  // namespace minimax::text
