// SPDX-License-Identifier: Apache-2.0
// What lies beside a tokenizer in its directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "minimax/error.h"
#include "text/tokenizer.h"

namespace minimax::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A model directory that goes away with the test.
class TokenizerDirectory : public testing::Test {
 public:
  TokenizerDirectory(const TokenizerDirectory&) = delete;
  TokenizerDirectory& operator=(const TokenizerDirectory&) = delete;

 protected:
  TokenizerDirectory() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) / (std::string("minimax_") + info->name());
    std::filesystem::create_directories(path_);
  }
  ~TokenizerDirectory() override { std::filesystem::remove_all(path_); }

  void write(const char* name, std::string_view text) const { std::ofstream(path_ / name) << text; }

  void write_pair() const {
    write("vocab.json", R"({"a":0,"b":1,"ab":2,"<eos>":3})");
    write("merges.txt", "#version: 0.2\na b\n");
  }

  Tokenizer load() const { return Tokenizer::from_directory(path_); }

  std::string error() const {
    try {
      load();
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

 private:
  std::filesystem::path path_;
};

TEST_F(TokenizerDirectory, NamesWhatItLacks) {
  EXPECT_THAT(error(), HasSubstr("expected tokenizer.json, or vocab.json and merges.txt"));
}

TEST_F(TokenizerDirectory, MakesTokensOfTheVocabularySpecial) {
  write_pair();
  EXPECT_THAT(load().encode("ab<eos>"), ElementsAre(2)) << "its bytes are not in the vocabulary";
  write("tokenizer_config.json", R"({"eos_token":"<eos>","bos_token":null})");
  const Tokenizer tokenizer = load();
  EXPECT_THAT(tokenizer.encode("ab<eos>"), ElementsAre(2, 3));
  EXPECT_EQ(tokenizer.special_ids().eos, 3);
  EXPECT_FALSE(tokenizer.special_ids().bos.has_value());
  EXPECT_TRUE(tokenizer.is_special(3));
}

TEST_F(TokenizerDirectory, ReadsAddedTokensAndBothFormsOfSpecialTokens) {
  write_pair();
  write("tokenizer_config.json", R"({
    "added_tokens_decoder": {"4": {"content":"<x>","special":true}, "5": {"content":"<y>","special":false}},
    "bos_token": {"content":"<x>","lstrip":false}, "additional_special_tokens": ["<eos>"]})");
  write("special_tokens_map.json", R"({"bos_token":"<eos>","unk_token":"<y>"})");
  const Tokenizer tokenizer = load();
  EXPECT_THAT(tokenizer.encode("<x>ab<y><eos>"), ElementsAre(4, 2, 5, 3));
  EXPECT_EQ(tokenizer.special_ids().bos, 4) << "tokenizer_config.json comes first";
  EXPECT_EQ(tokenizer.special_ids().unk, 5);
  EXPECT_EQ(tokenizer.vocab_size(), 6);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("<x>ab<eos>"), true), "ab");
}

TEST_F(TokenizerDirectory, WarnsOfSpecialTokensThatDoNotExist) {
  write_pair();
  write("tokenizer_config.json", R"({"pad_token":"<pad>"})");
  const Tokenizer tokenizer = load();
  EXPECT_FALSE(tokenizer.special_ids().pad.has_value());
  EXPECT_THAT(tokenizer.warnings(), ElementsAre(HasSubstr("the tokenizer has no token \"<pad>\"")));
}

TEST_F(TokenizerDirectory, RefusesAContradiction) {
  write_pair();
  write("tokenizer_config.json", R"({"added_tokens_decoder":{"1":{"content":"<x>"}}})");
  EXPECT_THAT(error(), HasSubstr("/added_tokens_decoder/1: expected an id that agrees"));
  write("tokenizer_config.json", R"({"added_tokens_decoder":{"one":{"content":"<x>"}}})");
  EXPECT_THAT(error(), HasSubstr("/added_tokens_decoder: expected ids as keys"));
  write("tokenizer_config.json", R"({"eos_token":7})");
  EXPECT_THAT(error(), HasSubstr("/eos_token: expected a string, found 7"));
}

TEST_F(TokenizerDirectory, PrefersTokenizerJson) {
  write_pair();
  write("tokenizer.json", R"({"model":{"type":"BPE","vocab":{"a":9},"merges":[]}})");
  EXPECT_THAT(load().encode("ab"), ElementsAre(9));
}

}  // namespace
}  // namespace minimax::text
