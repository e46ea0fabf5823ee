// SPDX-License-Identifier: Apache-2.0
// Hostile tokenizer files and texts, as tables: every one ends in an Error that says where, or in
// a result, and soon. Times allow for sanitizers and a busy machine; what they tell apart is linear
// from quadratic.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "base/json.h"
#include "minimax/error.h"
#include "text/tokenizer.h"

namespace minimax::text {
namespace {

using testing::HasSubstr;

// A tokenizer.json: `model` are the members of the model, `others` those beside it.
std::string file_with(const std::string& model, const std::string& others = "") {
  return R"({"version":"1.0",)" + others + R"("model":{"type":"BPE",)" + model + "}}";
}

std::string file_beside(const std::string& others) {
  return file_with(R"("vocab":{"a":0,"b":1,"ab":2},"merges":["a b"])", others + ",");
}

struct BadFile {
  std::string name;
  std::string json;
  std::string expected;  // part of the message
  ErrorCode code = ErrorCode::kCorruptFile;
};

void expect_refused(const BadFile& file) {
  try {
    Tokenizer::from_tokenizer_json(file.json, "tokenizer.json");
    ADD_FAILURE() << file.name << ": was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("tokenizer.json: ")) << file.name;
    EXPECT_THAT(error.what(), HasSubstr(file.expected)) << file.name;
    EXPECT_EQ(error.code(), file.code) << file.name;
    EXPECT_LT(std::string(error.what()).size(), 1000u) << file.name;
  }
}

std::string repeated(const std::string& text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += text;
  }
  return out;
}

std::string many_tokens(int count) {
  std::string vocab = R"("vocab":{)";
  for (int i = 0; i < count; ++i) {
    vocab += "\"" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  }
  vocab.back() = '}';
  return vocab;
}

TEST(TokenizerRobustness, K1RefusesBadVocabularies) {
  const std::string merges = R"(,"merges":[])";
  const BadFile files[] = {
      {"empty", file_with(R"("vocab":{})" + merges), "/model/vocab: expected at least one token"},
      {"absent", file_with(R"("merges":[])"), "/model/vocab: missing"},
      {"a list", file_with(R"("vocab":["a"])" + merges), "/model/vocab: expected an object"},
      {"duplicate id", file_with(R"("vocab":{"a":0,"b":0})" + merges),
       "/model/vocab/b: expected an id of its own"},
      {"duplicate token", file_with(R"("vocab":{"a":0,"a":1})" + merges), "duplicate key \"a\""},
      {"negative id", file_with(R"("vocab":{"a":-1})" + merges),
       "/model/vocab/a: expected an integer from 0"},
      {"id of a fraction", file_with(R"("vocab":{"a":0.5})" + merges), "/model/vocab/a"},
      {"id of a string", file_with(R"("vocab":{"a":"0"})" + merges), "/model/vocab/a"},
      {"id of 2^31", file_with(R"("vocab":{"a":2147483648})" + merges), "/model/vocab/a"},
      {"id of 2^64 - 1", file_with(R"("vocab":{"a":18446744073709551615})" + merges),
       "/model/vocab/a"},
      {"far id in a small file", file_with(R"("vocab":{"a":0,"b":4000000})" + merges),
       "/model/vocab/b"},
      {"too many", file_with(many_tokens(1'000'001) + merges),
       "/model/vocab: expected at most 1000000 tokens"},
      {"lone surrogate", file_with(R"("vocab":{"\ud800":0})" + merges), "not valid JSON"},
      {"not an object", "[]", "expected an object"},
      {"empty file", "", "not valid JSON"},
      {"deep", repeated("[", 100000), "not valid JSON"},
  };
  for (const BadFile& file : files) {
    expect_refused(file);
  }
}

TEST(TokenizerRobustness, K1WarnsOfGapsInTheIds) {
  const auto tokenizer = Tokenizer::from_tokenizer_json(
      file_with(R"("vocab":{"a":0,"b":3},"merges":[])"), "tokenizer.json");
  EXPECT_EQ(tokenizer.vocab_size(), 4);
  EXPECT_FALSE(tokenizer.id_to_token(1).has_value());
  EXPECT_THAT(tokenizer.warnings(),
              testing::ElementsAre(HasSubstr("2 ids below 4 belong to no token")));
}

TEST(TokenizerRobustness, K2RefusesBadMerges) {
  const std::string vocab = R"("vocab":{"a":0,"b":1,"ab":2,"#b":3},)";
  std::string too_many = "[";
  for (int i = 0; i < 2'000'001; ++i) {
    too_many += "0,";
  }
  too_many.back() = ']';
  const BadFile files[] = {
      {"unknown left", file_with(vocab + R"("merges":["x b"])"),
       "merge 0: expected tokens of the vocabulary, found \"x\""},
      {"unknown right", file_with(vocab + R"("merges":["a b","a x"])"),
       "merge 1: expected tokens of the vocabulary, found \"x\""},
      {"unknown result", file_with(vocab + R"("merges":[["b","a"]])"), "found \"ba\""},
      {"one part", file_with(vocab + R"("merges":["ab"])"), "/model/merges/0: expected two tokens"},
      {"three parts", file_with(vocab + R"("merges":["a b c"])"),
       "/model/merges/0: expected two tokens"},
      {"a long pair", file_with(vocab + R"("merges":[["a","b","c"]])"),
       "/model/merges/0: expected a pair"},
      {"a number", file_with(vocab + R"("merges":["a b",7])"), "/model/merges/1: expected a pair"},
      {"a pair of numbers", file_with(vocab + R"("merges":[[1,2]])"),
       "/model/merges/0: expected a pair"},
      {"an object", file_with(vocab + R"("merges":{"a":"b"})"), "/model/merges: expected an array"},
      {"absent", file_with(R"("vocab":{"a":0})"), "/model/merges: missing"},
      {
          "shorter than the prefix",
          file_with(vocab + R"("continuing_subword_prefix":"####","merges":["a b"])"),
          "found \"a\"",
      },
      {"too many", file_with(vocab + R"("merges":)" + too_many),
       "/model/merges: expected at most 2000000 merges"},
  };
  for (const BadFile& file : files) {
    if (file.name != "shorter than the prefix") {  // merges to "a" alone, which is a token
      expect_refused(file);
    }
  }
  EXPECT_NO_THROW(Tokenizer::from_tokenizer_json(files[10].json, "tokenizer.json").encode("ab"));
}

TEST(TokenizerRobustness, K2RefusesBadMergeFiles) {
  const std::string vocab = R"({"a":0,"b":1,"ab":2})";
  for (const char* merges : {"a b\na\n", "#version: 0.2\na b c\n", "a b\n\n", "x y\n"}) {
    EXPECT_THROW(Tokenizer::from_vocab_and_merges({.vocab_json = vocab, .merges = merges}), Error)
        << merges;
  }
  const auto windows_lines =
      Tokenizer::from_vocab_and_merges({.vocab_json = vocab, .merges = "#version: 0.2\r\na b\r\n"});
  EXPECT_EQ(windows_lines.encode("ab"), std::vector<std::int32_t>{2});
}

std::string added(int id, const std::string& content) {
  return R"({"id":)" + std::to_string(id) + R"(,"content":)" + base::quote_json(content) +
         R"(,"special":true,"normalized":false,"lstrip":false,"rstrip":false,"single_word":false})";
}

TEST(TokenizerRobustness, K3RefusesBadAddedTokens) {
  const BadFile files[] = {
      {"id of another token", file_beside(R"("added_tokens":[)" + added(1, "<x>") + "]"),
       "/added_tokens/0: expected an id that agrees"},
      {"token with another id", file_beside(R"("added_tokens":[)" + added(7, "ab") + "]"),
       "/added_tokens/0: expected an id that agrees"},
      {"duplicate content",
       file_beside(R"("added_tokens":[)" + added(3, "<x>") + "," + added(4, "<x>") + "]"),
       "/added_tokens/1"},
      {"duplicate id",
       file_beside(R"("added_tokens":[)" + added(3, "<x>") + "," + added(3, "<y>") + "]"),
       "/added_tokens/1"},
      {"negative id", file_beside(R"("added_tokens":[)" + added(-1, "<x>") + "]"),
       "/added_tokens/0/id"},
      {"huge id", file_beside(R"("added_tokens":[)" + added(2147483647, "<x>") + "]"),
       "/added_tokens/0/id"},
      {"no content", file_beside(R"("added_tokens":[{"id":3}])"),
       "/added_tokens/0/content: missing"},
      {"five megabytes",
       file_beside(R"("added_tokens":[)" + added(3, std::string(5 << 20, 'x')) + "]"),
       "bytes of added tokens"},
      {"template of an unknown id",
       file_beside(
           R"("post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"x":{"id":"x","ids":[99]}}})"),
       "/post_processor: expected ids of tokens, found 99"},
  };
  for (const BadFile& file : files) {
    expect_refused(file);
  }
}

TEST(TokenizerRobustness, K3IgnoresAnEmptyAddedToken) {
  const auto tokenizer = Tokenizer::from_tokenizer_json(
      file_beside(R"("added_tokens":[)" + added(3, "") + "]"), "tokenizer.json");
  EXPECT_EQ(tokenizer.encode("ab"), std::vector<std::int32_t>{2});
  EXPECT_THAT(tokenizer.warnings(), testing::ElementsAre(HasSubstr("without text is ignored")));
}

// Seconds that `action` takes.
template <typename Action>
double seconds(const Action& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST(TokenizerRobustness, K3FindsLongAddedTokensInLinearTime) {
  const std::string letters(65536, 'a');
  const auto tokenizer = Tokenizer::from_tokenizer_json(
      file_beside(R"("added_tokens":[)" + added(3, letters + "b") + "," + added(4, letters) + "," +
                  added(5, "aa") + "]"),
      "tokenizer.json");
  const std::string text(1'000'000, 'a');
  std::vector<std::int32_t> ids;
  EXPECT_LT(seconds([&] { ids = tokenizer.encode(text); }), 20.0);
  // Fifteen of the longest that fits, and then pairs.
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 4), 15);
  EXPECT_EQ(tokenizer.decode(ids).size(),
            std::size_t{15} * 65536 + 2 * (ids.size() - 15) + ids.size() - 1)
      << "joined with spaces, as without a decoder";
}

TEST(TokenizerRobustness, K4RefusesWhatItDoesNotKnow) {
  const auto unsupported = [](const std::string& name, const std::string& member,
                              const std::string& expected) {
    return BadFile{name, file_beside(member), expected, ErrorCode::kUnsupported};
  };
  const auto split = [&](const std::string& pattern, const std::string& expected) {
    return unsupported(
        pattern,
        R"("pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":)" +
            base::quote_json(pattern) + "}}",
        expected);
  };
  const BadFile files[] = {
      unsupported("pre-tokenizer", R"("pre_tokenizer":{"type":"Mystery"})",
                  "/pre_tokenizer: the pre-tokenizer Mystery is not supported"),
      unsupported(
          "inside a sequence",
          R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"BertPreTokenizer"}]})",
          "/pre_tokenizer/pretokenizers/1: the pre-tokenizer BertPreTokenizer"),
      unsupported("normalizer", R"("normalizer":{"type":"Precompiled"})",
                  "/normalizer: the normalizer Precompiled"),
      unsupported("decoder", R"("decoder":{"type":"CTC"})", "/decoder: the decoder CTC"),
      unsupported("post-processor", R"("post_processor":{"type":"BertProcessing"})",
                  "/post_processor: the post-processor BertProcessing"),
      {"model", R"({"model":{"type":"Unigram","vocab":[]}})",
       "/model: the model Unigram is not supported", ErrorCode::kUnsupported},
      {"dropout", file_with(R"("vocab":{"a":0},"merges":[],"dropout":0.1)"), "/model/dropout",
       ErrorCode::kUnsupported},
      split("(unclosed", "expected a regular expression"),
      split("[a[b]]", "nested or intersected character class"),
      split("[a&&b]", "nested or intersected character class"),
      split("a{2}+", "a \"+\" behind {...}"),
      split(repeated("(", 10000), "expected a regular expression"),
      split("((((((a{1000}){1000}){1000}){1000}){1000}){1000})", "expected a regular expression"),
      split(std::string(70000, 'a'), "at most 65536 bytes"),
      {"no pattern", file_beside(R"("pre_tokenizer":{"type":"Split","behavior":"Isolated"})"),
       "/pre_tokenizer/pattern: missing"},
      {"empty pattern",
       file_beside(
           R"("pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"String":""}})"),
       "/pre_tokenizer/pattern/String"},
      {"behaviour",
       file_beside(
           R"("pre_tokenizer":{"type":"Split","behavior":"Shredded","pattern":{"String":"a"}})"),
       "/pre_tokenizer/behavior"},
      {"no type", file_beside(R"("decoder":{})"), "/decoder/type: missing"},
  };
  for (const BadFile& file : files) {
    expect_refused(file);
  }
}

Tokenizer split_by(const std::string& pattern) {
  return Tokenizer::from_tokenizer_json(
      file_beside(R"("pre_tokenizer":{"type":"Split","behavior":"Isolated","pattern":{"Regex":)" +
                  base::quote_json(pattern) + "}}"),
      "tokenizer.json");
}

TEST(TokenizerRobustness, K4StopsCatastrophicPatterns) {
  // What follows the letters makes sure that the matcher cannot give up for the lack of one.
  const std::string text = std::string(4000, 'a') + "!\nbcx";
  for (const char* pattern :
       {"(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)(.*)(.*)(.*)(.*)x", "a*a*a*a*a*a*a*c",
        "(?=(a+))*(a+)+$", R"((a+)+\1$)", "(?R)?a(?R)?b", "(a|a){20}c", "(?:a|a){18}(?:a|a){2}[cz]",
        "^(([a-z])+.)+[A-Z]([a-z])+$"}) {
    const auto tokenizer = split_by(pattern);
    const double time = seconds([&] { EXPECT_THROW(tokenizer.encode(text), Error) << pattern; });
    EXPECT_LT(time, 2.0) << pattern;
  }
}

TEST(TokenizerRobustness, K4LetsHonestPatternsTakeLongPieces) {
  const auto tokenizer = split_by("(?:a|b)+");
  const std::string text = repeated("ab", 500'000) + "!";
  EXPECT_EQ(tokenizer.encode(text).size(), 500'000u);
}

TEST(TokenizerRobustness, K5RefusesBadByteTokens) {
  std::string bytes = R"("byte_fallback":true,"merges":[],"vocab":{)";
  std::string one_missing = bytes;
  for (int byte = 0; byte < 256; ++byte) {
    char token[16];
    std::snprintf(token, sizeof token, "\"<0x%02X>\":", static_cast<unsigned>(byte));
    bytes += token + std::to_string(byte) + ",";
    if (byte != 0x80) {
      one_missing += token + std::to_string(byte) + ",";
    }
  }
  one_missing.back() = '}';
  const BadFile files[] = {
      {"one byte missing", file_with(one_missing), "<0x80> is missing"},
      {"negative", file_with(bytes + R"("<0x-1>":256})"), "found <0x-1>"},
      {"not hexadecimal", file_with(bytes + R"("<0xZZ>":256})"), "found <0xZZ>"},
      {"unknown unk_token", file_with(R"("vocab":{"a":0},"merges":[],"unk_token":"<unk>")"),
       "unk_token: expected a token of the vocabulary"},
  };
  for (const BadFile& file : files) {
    expect_refused(file);
  }
  bytes.back() = '}';
  const auto tokenizer = Tokenizer::from_tokenizer_json(file_with(bytes), "tokenizer.json");
  EXPECT_EQ(tokenizer.encode("\u20AC"), (std::vector<std::int32_t>{0xE2, 0x82, 0xAC}));
}

const Tokenizer& demonstration() {
  static const Tokenizer kTokenizer =
      Tokenizer::from_directory(std::string(MINIMAX_SOURCE_DIR) + "/models/tiny-minimax");
  return kTokenizer;
}

const Tokenizer& rule_of_gpt4o() {
  static const Tokenizer kTokenizer =
      Tokenizer::from_directory(std::string(MINIMAX_SOURCE_DIR) + "/tests/golden/tokenizer/small");
  return kTokenizer;
}

TEST(TokenizerRobustness, K6TakesLinearTimeForRuns) {
  for (const char* unit : {"a", "A", "aA", " ", "\n", " \n", "1", "'", "!", "\u0301", "\u0301A",
                           "\U000E0041", "\u4E00", "\uFFFD"}) {
    std::string text = repeated(unit, static_cast<int>(1'000'000 / std::string(unit).size()));
    for (const Tokenizer* tokenizer : {&demonstration(), &rule_of_gpt4o()}) {
      std::vector<std::int32_t> ids;
      EXPECT_LT(seconds([&] { ids = tokenizer->encode(text); }), 20.0) << unit;
      EXPECT_EQ(tokenizer->decode(ids), text) << unit;
    }
  }
}

TEST(TokenizerRobustness, K6NormalizesLongRunsOfMarksInLinearTime) {
  const std::string marks = repeated("\u0301\u0323", 250'000);
  for (const char* form : {"NFC", "NFD", "NFKC", "NFKD"}) {
    const auto tokenizer = Tokenizer::from_tokenizer_json(
        file_beside(R"("normalizer":{"type":")" + std::string(form) + R"("})"), "tokenizer.json");
    EXPECT_LT(seconds([&] { tokenizer.encode("a" + marks); }), 20.0) << form;
  }
}

TEST(TokenizerRobustness, K6StatesWhatBecomesOfInvalidBytes) {
  struct Case {
    const char* name;
    std::string text;
    std::string repaired;
  };
  const Case cases[] = {
      {"surrogates in CESU-8", "a\xED\xA0\xBD\xED\xB8\x80z", "a" + repeated("\uFFFD", 6) + "z"},
      {"overlong", "\xC0\x80\xE0\x80\xAF", repeated("\uFFFD", 5)},
      {"NUL is text", std::string("a\0b", 3), std::string("a\0b", 3)},
      {"tag characters are text", "\U000E0000\U000E0041", "\U000E0000\U000E0041"},
      {"cut off", "ab\xF0\x9F", "ab\uFFFD"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(demonstration().decode(demonstration().encode(c.text)), c.repaired) << c.name;
    if (c.text == c.repaired) {
      EXPECT_NO_THROW(demonstration().encode(c.text, {.invalid_utf8 = InvalidUtf8::kRefuse}));
    } else {
      EXPECT_THROW(demonstration().encode(c.text, {.invalid_utf8 = InvalidUtf8::kRefuse}), Error);
    }
  }
}

TEST(TokenizerRobustness, K6RefusesTextOfFourGibibytesBeforeReadingIt) {
  // Only the length is looked at: the view is longer than what it points to.
  const char byte = 'a';
  const std::string_view text(&byte, std::size_t{4} << 30);
  try {
    demonstration().encode(text);
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("expected at most 268435456 bytes, found 4294967296"));
  }
}

}  // namespace
}  // namespace minimax::text
