// SPDX-License-Identifier: Apache-2.0
#include "engine/text_stream.h"

#include "engine/tokenizer.h"

namespace minimax::engine {

TextStream::TextStream(const Tokenizer& tokenizer, const std::vector<std::string>& stop_strings)
    : detokenizer_(tokenizer.impl().tokenizer), stop_matcher_(stop_strings) {}

std::string TextStream::push(std::int32_t token) {
  return stop_matcher_.push(detokenizer_.push(token));
}

std::string TextStream::finish() {
  return stop_matcher_.push(detokenizer_.flush()) + stop_matcher_.flush();
}

bool TextStream::stopped() const { return stop_matcher_.stopped(); }

}  // namespace minimax::engine
