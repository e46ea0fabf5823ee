// SPDX-License-Identifier: Apache-2.0
// Grammars against xgrammar and llguidance: the texts that they accept and refuse, and the tokens
// of the demonstration model that may come next. tools/export_grammar_goldens.py writes the files.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/matcher.h"
#include "grammar/regex.h"
#include "text/byte_alphabet.h"
#include "text/tokenizer.h"

namespace minimax::grammar {
namespace {

using base::Json;

const std::string kSource = MINIMAX_SOURCE_DIR;
constexpr std::int32_t kEnd = 3;  // <end_of_sentence> of the demonstration model

std::shared_ptr<const Vocabulary> load_vocabulary() {
  const auto tokenizer = text::Tokenizer::from_directory(kSource + "/models/tiny-minimax");
  VocabularyParts parts;
  for (std::int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    parts.tokens.push_back(text::from_byte_alphabet(tokenizer.id_to_token(id).value_or("")));
    if (tokenizer.is_special(id)) {
      parts.special_tokens.push_back(id);
    }
  }
  parts.end_tokens = {kEnd};
  return std::make_shared<const Vocabulary>(std::move(parts));
}

const std::shared_ptr<const Vocabulary>& vocabulary() {
  static const std::shared_ptr<const Vocabulary> kVocabulary = load_vocabulary();
  return kVocabulary;
}

std::shared_ptr<const CompiledGrammar> compile_case(const Json& entry) {
  const std::string& kind = entry.find("kind")->string();
  const Json& source = *entry.find("grammar");
  if (kind == "json_schema") {
    return compile(json_schema_grammar(base::JsonView(source, "schema")), vocabulary());
  }
  return compile(kind == "regex" ? regex_grammar(source.string()) : parse_gbnf(source.string()),
                 vocabulary());
}

bool matches(const std::shared_ptr<const CompiledGrammar>& grammar, const std::string& text) {
  Matcher matcher(grammar);
  return matcher.accept_text(text) && matcher.can_end();
}

std::vector<std::uint32_t> mask_of(Matcher& matcher) {
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(vocabulary()->mask_words()));
  matcher.fill_mask(mask);
  return mask;
}

bool has_bit(const std::vector<std::uint32_t>& mask, std::int32_t id) {
  return (mask[static_cast<std::size_t>(id) / 32] >> (id % 32)) % 2 == 1;
}

// The words of a mask from base64 of its bytes.
std::vector<std::uint32_t> unpack(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(vocabulary()->mask_words()));
  std::size_t byte = 0;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = (bits << 6) | static_cast<std::uint32_t>(digits.find(c));
    count += 6;
    if (count >= 8) {
      count -= 8;
      mask[byte / 4] |= ((bits >> count) & 0xFF) << (8 * (byte % 4));
      ++byte;
    }
  }
  return mask;
}

class GrammarGolden : public testing::TestWithParam<const char*> {
 protected:
  Json golden_ = base::read_json_file(kSource + "/tests/golden/grammar/" + GetParam() + ".json");
  const std::vector<Json>& cases() const { return golden_.find("cases")->array(); }
};

TEST_P(GrammarGolden, AcceptsAndRefusesTheTextsThatOthersDo) {
  for (const Json& entry : cases()) {
    const auto grammar = compile_case(entry);
    for (const Json& text : entry.find("accepted")->array()) {
      EXPECT_TRUE(matches(grammar, text.string()))
          << base::write_json(*entry.find("grammar")) << " " << text.string();
    }
    for (const char* list : {"refused", "invalid"}) {
      for (const Json& text : entry.find(list)->array()) {
        EXPECT_FALSE(matches(grammar, text.string()))
            << base::write_json(*entry.find("grammar")) << " " << text.string();
      }
    }
  }
}

// White space is narrower in ours: of schemas, nothing may be allowed that neither oracle allows.
TEST_P(GrammarGolden, AllowsTheTokensThatOthersDo) {
  const bool is_schema = std::string(GetParam()) == "json_schema";
  for (const Json& entry : cases()) {
    const auto grammar = compile_case(entry);
    for (const Json& step : entry.find("masks")->array()) {
      Matcher matcher(grammar);
      std::string text;
      for (const Json& token : step.find("tokens")->array()) {
        text += vocabulary()->bytes(static_cast<std::int32_t>(token.integer()));
        ASSERT_TRUE(matcher.accept(static_cast<std::int32_t>(token.integer()))) << text;
      }
      std::vector<std::uint32_t> mask = mask_of(matcher);
      std::vector<std::uint32_t> expected = unpack(step.find("mask")->string());
      for (std::int32_t id = 0; id < vocabulary()->size(); ++id) {
        const bool is_wrong = is_schema ? has_bit(mask, id) && !has_bit(expected, id)
                                        : has_bit(mask, id) != has_bit(expected, id);
        EXPECT_FALSE(is_wrong) << base::write_json(*entry.find("grammar")) << " behind '" << text
                               << "': token '" << vocabulary()->bytes(id) << "' " << id;
      }
    }
  }
}

// The tokens of the mask but for the end; every token of the vocabulary is tried.
std::vector<std::int32_t> checked_tokens(Matcher& matcher) {
  const std::vector<std::uint32_t> mask = mask_of(matcher);
  std::vector<std::int32_t> allowed;
  for (std::int32_t id = 0; id < vocabulary()->size(); ++id) {
    Matcher copy = matcher;
    EXPECT_EQ(copy.accept(id), has_bit(mask, id)) << id;
    if (has_bit(mask, id) && id != kEnd) {
      allowed.push_back(id);
    }
  }
  return allowed;
}

TEST_P(GrammarGolden, MasksAgreeWithTryingEachToken) {
  std::mt19937 random(1);
  for (const Json& entry : cases()) {
    Matcher matcher(compile_case(entry));
    for (int i = 0; i < 25 && !matcher.is_finished(); ++i) {
      const std::vector<std::int32_t> allowed = checked_tokens(matcher);
      ASSERT_FALSE(HasFailure() || allowed.empty()) << base::write_json(*entry.find("grammar"));
      ASSERT_TRUE(matcher.accept(allowed[random() % allowed.size()]));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, GrammarGolden, testing::Values("regex", "gbnf", "json_schema"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace minimax::grammar
