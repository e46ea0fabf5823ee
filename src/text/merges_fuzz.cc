// SPDX-License-Identifier: Apache-2.0
// Any bytes as vocab.json and merges.txt, with a NUL between, and a text behind a second one:
// refused with an Error, or a tokenizer whose ids spell the text where it knows all its bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "minimax/error.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

using minimax::text::Tokenizer;

// The part of `rest` up to the next NUL, which is taken off it.
std::string_view take_part(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\0'), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool knows_all_bytes(const Tokenizer& tokenizer, std::string_view text) {
  for (const char byte : text) {
    if (!tokenizer.token_to_id(minimax::text::to_byte_alphabet(std::string_view(&byte, 1)))) {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view vocab = take_part(rest);
  const std::string_view merges = take_part(rest);
  try {
    const auto tokenizer =
        Tokenizer::from_vocab_and_merges({.vocab_json = vocab, .merges = merges});
    const std::string text = minimax::text::replace_invalid_utf8(rest);
    const auto ids = tokenizer.encode(text);
    if (knows_all_bytes(tokenizer, text) && tokenizer.decode(ids) != text) {
      std::abort();
    }
  } catch (const minimax::Error&) {
  }
  return 0;
}
