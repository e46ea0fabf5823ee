// SPDX-License-Identifier: Apache-2.0
#include "grammar/testing.h"

#include <algorithm>
#include <vector>

#include "grammar/gbnf.h"
#include "minimax/error.h"

namespace minimax::grammar {
namespace {

std::vector<std::string> test_tokens() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) {
    tokens.emplace_back(1, static_cast<char>(byte));
  }
  for (const char* token :
       {"th",   "the",    "that",   " the",  "at",       "abc",      "xyz", "\":",  "\": ",
        "\",",  "\", \"", "{\"",    "\"}",   "}]",       "[[",       "]]",  "true", "false",
        "null", "10",     "123",    "-1",    "0.5",      "e+",       "\\n", "\\\"", "\\u00",
        "\n  ", "  ",     "\u00e4", "\xC3",  "\u20ac",   "\xE2\x82", "a\"", "name", "\"name\": \"",
        "}\n",  ",\n",    "2024-",  "<end>", "<special>"}) {
    tokens.emplace_back(token);
  }
  return tokens;
}

}  // namespace

std::shared_ptr<const Vocabulary> shared_test_vocabulary() {
  std::vector<std::string> tokens = test_tokens();
  const auto count = static_cast<std::int32_t>(tokens.size());
  return std::make_shared<const Vocabulary>(VocabularyParts{
      .tokens = std::move(tokens), .end_tokens = {count - 2}, .special_tokens = {count - 1}});
}

std::int32_t token_of(std::string_view text) {
  const std::vector<std::string> tokens = test_tokens();
  return static_cast<std::int32_t>(std::find(tokens.begin(), tokens.end(), text) - tokens.begin());
}

std::shared_ptr<const CompiledGrammar> gbnf(std::string_view text) {
  return compile(parse_gbnf(text), shared_test_vocabulary());
}

bool matches(const std::shared_ptr<const CompiledGrammar>& grammar, std::string_view text) {
  Matcher matcher(grammar);
  return matcher.accept_text(text) && matcher.can_end();
}

std::set<std::string> allowed_tokens(Matcher& matcher) {
  const std::vector<std::string> tokens = test_tokens();
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(matcher.vocabulary().mask_words()));
  matcher.fill_mask(mask);
  std::set<std::string> allowed;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if ((mask[id / 32] >> (id % 32)) % 2 == 1) {
      allowed.insert(tokens[id]);
    }
  }
  return allowed;
}

std::set<std::string> tokens_that_are_accepted(const Matcher& matcher) {
  const std::vector<std::string> tokens = test_tokens();
  std::set<std::string> accepted;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    Matcher copy = matcher;
    if (copy.accept(static_cast<std::int32_t>(id))) {
      accepted.insert(tokens[id]);
    }
  }
  return accepted;
}

std::string complaint_of_gbnf(std::string_view text) {
  try {
    gbnf(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace minimax::grammar
