// SPDX-License-Identifier: Apache-2.0
// Ids equal to those of Hugging Face tokenizers, on whole vocabularies and many strings.
// tools/export_tokenizer_goldens.py wrote the goldens.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "text/byte_alphabet.h"
#include "text/golden_support.h"
#include "text/utf8.h"

namespace minimax::text {
namespace {

const std::vector<std::string>& strings() {
  static const std::vector<std::string> kAll = read_strings(tokenizer_goldens() / "strings.json");
  return kAll;
}

TEST(TokenizerGolden, EqualsHuggingFaceOnTheDemonstrationModel) {
  ASSERT_GE(strings().size(), 20000u);
  const auto tokenizer = Tokenizer::from_directory(std::filesystem::path(MINIMAX_SOURCE_DIR) /
                                                   "models" / "tiny-minimax");
  expect_fingerprints(tokenizer, strings(), tokenizer_goldens() / "demonstration_fingerprints.txt");
}

TEST(TokenizerGolden, EqualsHuggingFaceOnASmallVocabularyWithTheRuleOfGpt4o) {
  const auto tokenizer = Tokenizer::from_directory(tokenizer_goldens() / "small");
  expect_fingerprints(tokenizer, strings(), tokenizer_goldens() / "small" / "fingerprints.txt");
}

TEST(TokenizerGolden, EqualsHuggingFaceOnTheOlderPairOfFiles) {
  const auto tokenizer = Tokenizer::from_directory(tokenizer_goldens() / "small" / "pair");
  expect_fingerprints(tokenizer, strings(), tokenizer_goldens() / "small" / "fingerprints.txt");
}

TEST(TokenizerGolden, RestoresEveryString) {
  const auto tokenizer = Tokenizer::from_directory(tokenizer_goldens() / "small");
  for (const std::string& text : strings()) {
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

// The vocabulary of the release: a token for every byte, and one for every merge in its order.
std::string release_vocabulary(const std::string& merges) {
  base::JsonObject vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    std::string character;
    append_utf8(byte_to_character(static_cast<unsigned char>(byte)), character);
    vocabulary.emplace_back(character, std::int64_t{byte});
  }
  for (std::size_t at = 0; at < merges.size();) {
    const std::size_t end = std::min(merges.find('\n', at), merges.size());
    std::string line = merges.substr(at, end - at);
    at = end + 1;
    if (!line.starts_with("#version")) {
      line.erase(line.find(' '), 1);
      vocabulary.emplace_back(line, static_cast<std::int64_t>(vocabulary.size()));
    }
  }
  return base::write_json(base::Json(std::move(vocabulary)));
}

TEST(TokenizerGolden, EqualsHuggingFaceOnTheMergesOfTheRelease) {
  const auto path = std::filesystem::path(MINIMAX_SOURCE_DIR) / ".." / "shared" / "tokenizer" /
                    "minimax-m1" / "merges.txt";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "the released merge list is not there: " << path;
  }
  const std::string merges = base::read_file(path);
  const std::string vocabulary = release_vocabulary(merges);
  const auto tokenizer =
      Tokenizer::from_vocab_and_merges({.vocab_json = vocabulary, .merges = merges});
  EXPECT_EQ(tokenizer.vocab_size(), 200000);
  constexpr std::size_t kReleaseStrings = 5000;
  expect_fingerprints(tokenizer, std::span(strings()).last(kReleaseStrings),
                      tokenizer_goldens() / "release_fingerprints.txt");
}

}  // namespace
}  // namespace minimax::text
