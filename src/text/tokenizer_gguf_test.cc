// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "minimax/error.h"
#include "text/gguf_splitting.h"
#include "text/gguf_vocabulary.h"
#include "text/tokenizer.h"

namespace minimax::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kVocabSize = 2213;

const Tokenizer& demonstration() {
  static const Tokenizer kTokenizer =
      Tokenizer::from_directory(std::string(MINIMAX_SOURCE_DIR) + "/models/tiny-minimax");
  return kTokenizer;
}

// Holds what a GgufVocabulary points to.
struct Vocabulary {
  std::vector<std::string> tokens;
  std::vector<std::int64_t> types;
  std::vector<std::string> merges;
  std::string pre = "gpt-2";
  SpecialTokenIds ids = {};
  std::optional<bool> add_bos = std::nullopt;

  Tokenizer load() const {
    return Tokenizer::from_gguf({.source = "model.gguf",
                                 .tokens = tokens,
                                 .types = types,
                                 .merges = merges,
                                 .pre = pre,
                                 .ids = ids,
                                 .add_bos = add_bos});
  }
};

Vocabulary small() {
  Vocabulary vocabulary{.tokens = {"a", "b", "1", "2", "ab", "12", "<end>"},
                        .types = {1, 1, 1, 1, 1, 1, 3},
                        .merges = {"a b", "1 2"}};
  vocabulary.ids.eos = 6;
  return vocabulary;
}

Vocabulary exported(const Tokenizer& tokenizer, std::int64_t vocab_size) {
  OwnedGgufVocabulary owned = tokenizer.to_gguf(vocab_size);
  return {.tokens = std::move(owned.tokens),
          .types = {owned.types.begin(), owned.types.end()},
          .merges = std::move(owned.merges),
          .pre = owned.pre,
          .ids = owned.ids,
          .add_bos = owned.add_bos};
}

const std::vector<std::string>& samples() {
  static const std::vector<std::string> kSamples = {
      "Once upon a time there was a girl named Lily, and she didn't have 1234 cats.",
      "  two  spaces\n\n\tand tabs \r\n 12 34\u00A0x",
      "na\u00EFve \u4F60\u597D \U0001F600\U0001F469\u200D\U0001F4BB e\u0301 \u0661\u0662",
      "<beginning_of_sentence>user name=user\nhi<end_of_sentence>\n<end_of_", ""};
  return kSamples;
}

TEST(GgufTokenizer, EncodesAndDecodesAsTheOriginal) {
  const Tokenizer copy = exported(demonstration(), kVocabSize).load();
  for (const std::string& text : samples()) {
    for (const bool parse_special : {true, false}) {
      const EncodeOptions options{.parse_special = parse_special};
      const auto ids = demonstration().encode(text, options);
      EXPECT_EQ(copy.encode(text, options), ids) << text;
      EXPECT_EQ(copy.decode(ids, true), demonstration().decode(ids, true)) << text;
    }
  }
  EXPECT_EQ(copy.special_ids().bos, demonstration().special_ids().bos);
  EXPECT_EQ(copy.special_ids().eos, demonstration().special_ids().eos);
  EXPECT_EQ(copy.special_ids().pad, demonstration().special_ids().pad);
  EXPECT_EQ(copy.vocab_size(), kVocabSize);
  EXPECT_THAT(copy.warnings(), IsEmpty());
}

TEST(GgufTokenizer, NamesTheRuleOfTheDemonstrationModel) {
  EXPECT_EQ(demonstration().to_gguf(kVocabSize).pre, "smollm");
}

TEST(GgufTokenizer, FillsGapsWithUnusedTokens) {
  const OwnedGgufVocabulary owned = demonstration().to_gguf(kVocabSize + 2);
  EXPECT_EQ(owned.tokens.size(), kVocabSize + 2U);
  EXPECT_EQ(owned.types.back(), 5);
  const Tokenizer copy = exported(demonstration(), kVocabSize + 2).load();
  EXPECT_EQ(copy.vocab_size(), kVocabSize);
  EXPECT_EQ(copy.id_to_token(kVocabSize), std::nullopt);
}

TEST(GgufTokenizer, CutsAsTheNamedRuleDoes) {
  Vocabulary vocabulary = small();
  EXPECT_THAT(vocabulary.load().encode("ab12"), ElementsAre(4, 5));
  vocabulary.pre = "starcoder";
  EXPECT_THAT(vocabulary.load().encode("ab12"), ElementsAre(4, 2, 3));
}

TEST(GgufTokenizer, FindsEveryRuleByTheNameThatItIsGiven) {
  for (const char* name : {"gpt-4o", "gpt-2", "smollm", "llama-bpe", "dbrx", "qwen2"}) {
    const std::optional<GgufSplitting> rule = find_gguf_splitting(name);
    ASSERT_TRUE(rule) << name;
    EXPECT_EQ(gguf_splitting_name(rule->pre_tokenizer, rule->ignore_merges), name);
  }
}

TEST(GgufTokenizer, TreatsTokensByTheirType) {
  Vocabulary vocabulary = small();
  vocabulary.tokens.insert(vocabulary.tokens.end(), {"<user>", "[PAD8]", "<stop>"});
  vocabulary.types.insert(vocabulary.types.end(), {4, 5, 1});
  vocabulary.ids.bos = 9;  // of type "normal", yet it has a part to play
  const Tokenizer tokenizer = vocabulary.load();
  const EncodeOptions as_text{.parse_special = false};
  EXPECT_THAT(tokenizer.encode("a<user>b<end>"), ElementsAre(0, 7, 1, 6));
  EXPECT_THAT(tokenizer.encode("a<user>", as_text), ElementsAre(0, 7));
  EXPECT_THAT(tokenizer.encode("a<end>", as_text), ElementsAre(0));
  EXPECT_THAT(tokenizer.encode("<stop>"), ElementsAre(9));
  EXPECT_TRUE(tokenizer.is_special(9));
  EXPECT_FALSE(tokenizer.is_special(7));
  EXPECT_EQ(tokenizer.id_to_token(8), std::nullopt);
}

TEST(GgufTokenizer, AddsTokensAroundTheTextWhereTheFileSaysSo) {
  Vocabulary vocabulary = small();
  vocabulary.ids.bos = 6;
  EXPECT_THAT(vocabulary.load().encode("a"), ElementsAre(0));
  vocabulary.add_bos = true;
  EXPECT_THAT(vocabulary.load().encode("a"), ElementsAre(6, 0));
  EXPECT_TRUE(exported(vocabulary.load(), 7).add_bos);
}

Tokenizer through_json(const Tokenizer& tokenizer) {
  return Tokenizer::from_tokenizer_json(tokenizer.to_tokenizer_json(), "tokenizer.json");
}

TEST(GgufTokenizer, BecomesATokenizerJsonThatDoesTheSame) {
  const Tokenizer from_gguf = exported(demonstration(), kVocabSize).load();
  const Tokenizer copy = through_json(from_gguf);
  for (const std::string& text : samples()) {
    for (const bool parse_special : {true, false}) {
      const EncodeOptions options{.parse_special = parse_special};
      const auto ids = demonstration().encode(text, options);
      EXPECT_EQ(copy.encode(text, options), ids) << text;
      EXPECT_EQ(copy.decode(ids, true), demonstration().decode(ids, true)) << text;
    }
  }
  EXPECT_EQ(copy.vocab_size(), kVocabSize);
  EXPECT_THAT(copy.warnings(), IsEmpty());
}

TEST(GgufTokenizer, KeepsEveryRuleInATokenizerJson) {
  for (const char* name : {"gpt-4o", "gpt-2", "smollm", "llama-bpe", "dbrx", "qwen2"}) {
    Vocabulary vocabulary = small();
    vocabulary.pre = name;
    EXPECT_EQ(exported(through_json(vocabulary.load()), 7).pre, name);
  }
}

TEST(GgufTokenizer, KeepsEveryKindOfTokenInATokenizerJson) {
  Vocabulary vocabulary = small();
  vocabulary.tokens.insert(vocabulary.tokens.end(), {"<user>", "[PAD8]", "<s>"});
  vocabulary.types.insert(vocabulary.types.end(), {4, 5, 3});
  vocabulary.ids.bos = 9;
  vocabulary.add_bos = true;
  const Tokenizer copy = through_json(vocabulary.load());
  const EncodeOptions as_text{.parse_special = false};
  EXPECT_THAT(copy.encode("a<user>b<end>"), ElementsAre(9, 0, 7, 1, 6));
  EXPECT_THAT(copy.encode("a<end>", as_text), ElementsAre(9, 0));
  EXPECT_EQ(copy.id_to_token(8), std::nullopt);
}

TEST(GgufTokenizer, SaysWhichTokenATokenizerJsonCannotHold) {
  Vocabulary vocabulary = small();
  vocabulary.tokens[6] = "\xff";
  try {
    static_cast<void>(vocabulary.load().to_tokenizer_json());
    FAIL() << "was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("tokenizer.json: token 6 is not UTF-8"));
  }
}

struct BadVocabulary {
  const char* name;
  std::function<void(Vocabulary&)> spoil;
  const char* expected;
  ErrorCode code = ErrorCode::kCorruptFile;
};

class RefusedGgufTokenizer : public testing::TestWithParam<BadVocabulary> {};

TEST_P(RefusedGgufTokenizer, NamesFileAndKey) {
  Vocabulary vocabulary = small();
  GetParam().spoil(vocabulary);
  try {
    vocabulary.load();
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), GetParam().code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("model.gguf: key \"tokenizer.ggml."));
    EXPECT_THAT(error.what(), HasSubstr(GetParam().expected));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, RefusedGgufTokenizer,
    testing::Values(
        BadVocabulary{"UnknownRule", [](Vocabulary& v) { v.pre = "kimi-k2"; },
                      "pre\": expected the name of a splitting rule", ErrorCode::kUnsupported},
        BadVocabulary{"NoTokens", [](Vocabulary& v) { v.tokens.clear(); }, "at least one token"},
        BadVocabulary{"FewTypes", [](Vocabulary& v) { v.types.pop_back(); },
                      "token_type\": expected one for each of the 7 tokens, found 6"},
        BadVocabulary{"BadType", [](Vocabulary& v) { v.types[1] = 7; }, "found 7 for token 1"},
        BadVocabulary{"Twice", [](Vocabulary& v) { v.tokens[1] = "a"; }, "found \"a\" twice"},
        BadVocabulary{"MergeOfOne", [](Vocabulary& v) { v.merges[0] = "ab"; },
                      "merges\": expected two tokens"},
        BadVocabulary{"MergeOfUnknown", [](Vocabulary& v) { v.merges[0] = "a z"; },
                      "merge 0: expected tokens of the vocabulary, found \"z\""},
        BadVocabulary{"NothingToAdd", [](Vocabulary& v) { v.add_bos = true; },
                      "add_bos_token\": expected a token to add"}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(GgufTokenizer, WarnsOfSpecialTokensThatDoNotExist) {
  Vocabulary vocabulary = small();
  vocabulary.ids.pad = 70;
  EXPECT_THAT(vocabulary.load().warnings(), ElementsAre(HasSubstr("special token 70")));
}

void expect_not_exported(const std::string& others, const std::string& expected) {
  const std::string json = R"({"version":"1.0",)" + others +
                           R"(,"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[]}})";
  try {
    Tokenizer::from_tokenizer_json(json, "tokenizer.json").to_gguf(2);
    FAIL() << expected;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr(expected));
  }
}

TEST(GgufTokenizer, SaysWhatGgufCannotExpress) {
  const std::string decoder = R"("decoder":{"type":"ByteLevel"})";
  const std::string byte_level =
      R"("pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true})";
  expect_not_exported(decoder + R"(,"normalizer":{"type":"NFC"},)" + byte_level, "normalizer");
  expect_not_exported(decoder + R"(,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":true})",
                      "no name");
  expect_not_exported(byte_level, "bytes alone");
}

}  // namespace
}  // namespace minimax::text
