// SPDX-License-Identifier: Apache-2.0
// Prints answers to the schemas of a file, one JSON object in each line: {"case": 0, "text":
// "..."}. Every token is drawn from the mask, so that check_grammar_walks.py can say whether what
// the masks allow satisfies the schemas.
#include <iostream>
#include <random>

#include "base/json.h"
#include "grammar/json_schema.h"
#include "grammar/matcher.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer.h"

namespace {

using minimax::base::Json;
using minimax::grammar::Matcher;
using minimax::grammar::Vocabulary;

constexpr std::int32_t kEnd = 3;  // <end_of_sentence> of the demonstration model
constexpr int kWalks = 40;        // of each schema
constexpr int kFreeTokens = 40;   // then what closes something is preferred
constexpr int kMaxTokens = 400;

std::shared_ptr<const Vocabulary> load_vocabulary(const std::string& directory) {
  const auto tokenizer = minimax::text::Tokenizer::from_directory(directory);
  minimax::grammar::VocabularyParts parts;
  for (std::int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view token = tokenizer.id_to_token(id).value_or("");
    parts.tokens.push_back(tokenizer.is_special(id) ? ""
                                                    : minimax::text::from_byte_alphabet(token));
  }
  parts.end_tokens = {kEnd};
  return std::make_shared<const Vocabulary>(std::move(parts));
}

std::vector<std::int32_t> allowed_tokens(Matcher& matcher) {
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(matcher.vocabulary().mask_words()));
  matcher.fill_mask(mask);
  std::vector<std::int32_t> allowed;
  for (std::int32_t id = 0; id < matcher.vocabulary().size(); ++id) {
    if ((mask[static_cast<std::size_t>(id) / 32] >> (id % 32)) % 2 == 1) {
      allowed.push_back(id);
    }
  }
  return allowed;
}

// The token that comes nearest to an end.
std::int32_t closing_token(const Vocabulary& words, const std::vector<std::int32_t>& allowed) {
  for (const char* wanted : {"\"", "]", "}", "null", "0"}) {
    for (const std::int32_t id : allowed) {
      if (words.bytes(id) == wanted) {
        return id;
      }
    }
  }
  return allowed.front();
}

// One answer, or "" where it does not come to an end.
std::string walk(Matcher matcher, std::mt19937& random) {
  std::string text;
  for (int i = 0; i < kMaxTokens; ++i) {
    const std::vector<std::int32_t> allowed = allowed_tokens(matcher);
    const bool is_free = i < kFreeTokens;
    const bool may_end = allowed.front() <= kEnd;
    if (may_end && (matcher.is_finished() || !is_free || random() % 4 == 0)) {
      return text;
    }
    const Vocabulary& words = matcher.vocabulary();
    const bool is_closing = !is_free || random() % 4 == 0;
    std::int32_t id =
        is_closing ? closing_token(words, allowed) : allowed[random() % allowed.size()];
    if (id == kEnd) {
      return text;
    }
    if (!matcher.accept(id)) {
      throw std::runtime_error("a token of the mask is not accepted");
    }
    text += words.bytes(id);
  }
  return "";
}

void print_walks(const Json& golden, const std::shared_ptr<const Vocabulary>& words) {
  std::mt19937 random(1);
  std::int64_t number = 0;
  for (const Json& entry : golden.find("cases")->array()) {
    const minimax::base::JsonView schema(*entry.find("grammar"), "schema");
    const auto grammar =
        minimax::grammar::compile(minimax::grammar::json_schema_grammar(schema), words);
    for (int i = 0; i < kWalks; ++i) {
      if (const std::string text = walk(Matcher(grammar), random); !text.empty()) {
        std::cout << minimax::base::write_json(
                         minimax::base::JsonObject{{"case", number}, {"text", text}})
                  << "\n";
      }
    }
    ++number;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: grammar_walks GOLDENS MODEL\n";
    return 2;
  }
  try {
    print_walks(minimax::base::read_json_file(argv[1]), load_vocabulary(argv[2]));
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
