// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tokenizer.json: refused with an Error, or a tokenizer whose ids are all tokens,
// whose stream agrees with decoding at once, and to which segments are the text they spell.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "minimax/error.h"
#include "text/detokenizer.h"
#include "text/tokenizer.h"

namespace {

using minimax::text::Detokenizer;
using minimax::text::TextSegment;
using minimax::text::Tokenizer;

constexpr const char* kTexts[] = {"",
                                  " ",
                                  "ab abab  aab\n",
                                  "<s>a</s> <mask> word",
                                  "It's 123 caf\u00e9 \u4e2d\u6587 \U0001F600!\r\n",
                                  "a\u0301\u0323 \u212b \u2581x",
                                  "\xff\xc0\x80 bad \xed\xa0\x80"};

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_text(const Tokenizer& tokenizer, const std::string& text) {
  const auto ids = tokenizer.encode(text);
  const std::vector<TextSegment> segments = {{text, true}};
  require(tokenizer.encode(segments) == ids);
  for (const std::int32_t id : ids) {
    require(id < tokenizer.vocab_size() && tokenizer.id_to_token(id).has_value());
  }
  for (const bool skip : {false, true}) {
    Detokenizer detokenizer(tokenizer, skip);
    std::string streamed;
    for (const std::int32_t id : ids) {
      streamed += detokenizer.push(id);
    }
    require(streamed + detokenizer.flush() == tokenizer.decode(ids, skip));
  }
  tokenizer.encode(text, {.parse_special = false});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto tokenizer = Tokenizer::from_tokenizer_json(
        std::string_view(reinterpret_cast<const char*>(data), size), "tokenizer.json");
    for (const char* text : kTexts) {
      check_text(tokenizer, text);
    }
  } catch (const minimax::Error&) {  // refused, or a pattern took too many steps
  }
  return 0;
}
