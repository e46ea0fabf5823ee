// SPDX-License-Identifier: Apache-2.0
// The piece of marked text that a chat template hands to the tokenizer. Marking is how text that
// users write stays text, even where it spells a special token.
#pragma once

#include <string>

namespace minimax::text {

/// A run of text. The runs of one prompt are tokenized as the one text they spell together,
/// except that special tokens are recognised only where all of their characters lie in runs that
/// allow them.
struct TextSegment {
  std::string text;            // UTF-8
  bool allow_special = false;  // true for text that the template itself wrote
};

}  // namespace minimax::text
