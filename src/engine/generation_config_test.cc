// SPDX-License-Identifier: Apache-2.0
#include "minimax/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

GenerationConfig read(const std::string& text) {
  MiniMaxConfig config;
  config.vocab_size = 100;
  config.eos_token_id = {3};
  const testing::TemporaryDirectory directory;
  if (!text.empty()) {
    directory.write("generation_config.json", text);
  }
  return GenerationConfig::from_pretrained(directory.path(), config);
}

TEST(GenerationConfig, FallsBackToTheModelsEndTokens) {
  EXPECT_THAT(read("").eos_token_id, ElementsAre(3));
  EXPECT_THAT(read(R"({"eos_token_id": null})").eos_token_id, ElementsAre(3));
  EXPECT_THAT(read(R"({"eos_token_id": 7})").eos_token_id, ElementsAre(7));
  EXPECT_THAT(read(R"({"eos_token_id": [7, 0]})").eos_token_id, ElementsAre(7, 0));
}

TEST(GenerationConfig, ReadsWhatTransformersWrites) {
  const GenerationConfig config =
      read(R"({"do_sample": true, "temperature": 0.7, "top_p": 0.95, "top_k": 40, "min_p": 0.1,
               "repetition_penalty": 1.1, "max_new_tokens": 5, "transformers_version": "5.17.0"})");
  EXPECT_TRUE(config.do_sample);
  EXPECT_EQ(config.temperature, 0.7);
  EXPECT_EQ(config.top_k, 40);
  EXPECT_EQ(config.max_new_tokens, 5);
  EXPECT_TRUE(config.warnings.empty());
}

// C5 of the list of bad inputs: a warning that names the field, and a safe default.
TEST(GenerationConfig, WarnsAboutValuesOutOfRange) {
  const std::pair<const char*, const char*> bad[] = {
      {R"({"temperature": -1})", "/temperature: expected"},
      {R"({"top_p": 2})", "/top_p: expected"},
      {R"({"top_p": 0})", "/top_p: expected"},
      {R"({"top_k": -1})", "/top_k: expected"},
      {R"({"eos_token_id": []})", "/eos_token_id: expected"},
      {R"({"eos_token_id": [100]})", "/eos_token_id: expected"},
      {R"({"do_sample": "yes"})", "/do_sample: expected"},
      {R"({"repetition_penalty": 0})", "/repetition_penalty: expected"},
  };
  for (const auto& [text, message] : bad) {
    const GenerationConfig config = read(text);
    ASSERT_EQ(config.warnings.size(), 1u) << text;
    EXPECT_THAT(config.warnings[0], HasSubstr(message));
    EXPECT_THAT(config.eos_token_id, ElementsAre(3));
    EXPECT_NO_THROW(config.validate());
  }
}

TEST(GenerationConfig, RefusesAFileThatIsNoJsonObject) {
  for (const char* text : {"{", "[]", "3"}) {
    EXPECT_EQ(testing::thrown_by([&] { read(text); }).code, ErrorCode::kCorruptFile) << text;
  }
}

TEST(GenerationConfig, NamesTheFieldThatACallerSetWrongly) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto message = [](auto change) {
    GenerationConfig config;
    change(config);
    return testing::thrown_by([&] { config.validate(); }).message;
  };
  EXPECT_THAT(message([&](auto& c) { c.temperature = nan; }), HasSubstr("temperature: expected"));
  EXPECT_THAT(message([&](auto& c) { c.top_p = nan; }), HasSubstr("top_p: expected"));
  EXPECT_THAT(message([](auto& c) { c.min_p = 1.5; }), HasSubstr("min_p: expected"));
  EXPECT_THAT(message([](auto& c) { c.top_k = -2; }), HasSubstr("top_k: expected"));
  EXPECT_THAT(message([](auto& c) { c.max_new_tokens = -1; }), HasSubstr("max_new_tokens"));
  EXPECT_THAT(message([](auto& c) { c.repetition_penalty = 0; }), HasSubstr("repetition_penalty"));
  EXPECT_THAT(message([](auto& c) { c.stop_strings = {""}; }), HasSubstr("stop_strings"));
}

}  // namespace
}  // namespace minimax
