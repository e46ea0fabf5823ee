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

TEST(GenerationConfig, ReadsTheFieldsOfEveryProcessor) {
  const GenerationConfig config =
      read(R"({"typical_p": 0.9, "epsilon_cutoff": 0.001, "eta_cutoff": 0.002, "max_length": 50,
               "min_length": 3, "no_repeat_ngram_size": 4, "bad_words_ids": [[1, 2], [3]],
               "suppress_tokens": [5, 6], "begin_suppress_tokens": [7], "output_scores": true})");
  EXPECT_EQ(config.typical_p, 0.9);
  EXPECT_EQ(config.epsilon_cutoff, 0.001);
  EXPECT_EQ(config.eta_cutoff, 0.002);
  EXPECT_EQ(config.max_length, 50);
  EXPECT_EQ(config.max_new_tokens, std::nullopt);
  EXPECT_EQ(config.min_length, 3);
  EXPECT_EQ(config.no_repeat_ngram_size, 4);
  EXPECT_THAT(config.bad_words_ids, ElementsAre(ElementsAre(1, 2), ElementsAre(3)));
  EXPECT_THAT(config.suppress_tokens, ElementsAre(5, 6));
  EXPECT_THAT(config.begin_suppress_tokens, ElementsAre(7));
  EXPECT_TRUE(config.output_scores);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(GenerationConfig, ReadsTheFieldsOfBeamsAndAssistance) {
  const GenerationConfig config =
      read(R"({"num_beams": 4, "num_return_sequences": 3, "length_penalty": -0.5,
               "early_stopping": "never", "max_time": 2.5, "max_matching_ngram_size": 3,
               "num_assistant_tokens": 7, "num_assistant_tokens_schedule": "heuristic",
               "assistant_confidence_threshold": 0.1})");
  EXPECT_EQ(config.num_beams, 4);
  EXPECT_EQ(config.num_return_sequences, 3);
  EXPECT_EQ(config.length_penalty, -0.5);
  EXPECT_EQ(config.early_stopping, EarlyStopping::kNever);
  EXPECT_EQ(config.max_time, 2.5);
  EXPECT_EQ(config.max_matching_ngram_size, 3);
  EXPECT_EQ(config.num_assistant_tokens, 7);
  EXPECT_EQ(config.num_assistant_tokens_schedule, AssistantSchedule::kHeuristic);
  EXPECT_EQ(config.assistant_confidence_threshold, 0.1);
  EXPECT_EQ(read(R"({"early_stopping": true})").early_stopping, EarlyStopping::kTrue);
  EXPECT_EQ(read(R"({"prompt_lookup_num_tokens": 9})").prompt_lookup_num_tokens, 9);
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
      {R"({"typical_p": 0})", "/typical_p: expected"},
      {R"({"epsilon_cutoff": 1})", "/epsilon_cutoff: expected"},
      {R"({"eta_cutoff": -0.1})", "/eta_cutoff: expected"},
      {R"({"no_repeat_ngram_size": 2.5})", "/no_repeat_ngram_size: expected"},
      {R"({"max_length": 0})", "/max_length: expected"},
      {R"({"min_length": -1})", "/min_length: expected"},
      {R"({"suppress_tokens": [1, -1]})", "/suppress_tokens: expected"},
      {R"({"begin_suppress_tokens": {}})", "/begin_suppress_tokens: expected"},
      {R"({"bad_words_ids": [[1], []]})", "/bad_words_ids: expected"},
      {R"({"bad_words_ids": [1, 2]})", "/bad_words_ids: expected"},
      {R"({"bad_words_ids": [[100]]})", "/bad_words_ids: expected"},
      {R"({"num_beams": 0})", "/num_beams: expected"},
      {R"({"num_return_sequences": 2})", "/num_return_sequences: expected 1 without do_sample"},
      {R"({"num_beams": 2, "num_return_sequences": 3})", "/num_return_sequences: expected up to"},
      {R"({"num_beams": 2, "prompt_lookup_num_tokens": 3})", "/prompt_lookup_num_tokens: expected"},
      {R"({"length_penalty": "long"})", "/length_penalty: expected"},
      {R"({"early_stopping": "sometimes"})", "/early_stopping: expected false or true or"},
      {R"({"num_assistant_tokens_schedule": 3})", "schedule: expected \"constant\" or"},
      {R"({"assistant_confidence_threshold": 2})", "/assistant_confidence_threshold: expected"},
      {R"({"max_time": -1})", "/max_time: expected"},
  };
  for (const auto& [text, message] : bad) {
    const GenerationConfig config = read(text);
    ASSERT_EQ(config.warnings.size(), 1u) << text;
    EXPECT_THAT(config.warnings[0], HasSubstr(message));
    EXPECT_THAT(config.eos_token_id, ElementsAre(3));
    EXPECT_TRUE(config.bad_words_ids.empty());
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
  EXPECT_THAT(message([](auto& c) { c.max_length = -1; }), HasSubstr("max_length: expected"));
  EXPECT_THAT(message([](auto& c) { c.min_length = -1; }), HasSubstr("min_length: expected"));
  EXPECT_THAT(message([](auto& c) { c.typical_p = 0; }), HasSubstr("typical_p: expected"));
  EXPECT_THAT(message([](auto& c) { c.epsilon_cutoff = 1; }), HasSubstr("epsilon_cutoff"));
  EXPECT_THAT(message([&](auto& c) { c.eta_cutoff = nan; }), HasSubstr("eta_cutoff: expected"));
  EXPECT_THAT(message([](auto& c) { c.no_repeat_ngram_size = -1; }),
              HasSubstr("no_repeat_ngram_size: expected"));
  EXPECT_THAT(message([](auto& c) { c.bad_words_ids = {{1}, {}}; }),
              HasSubstr("bad_words_ids[1]: expected"));
  EXPECT_THAT(message([](auto& c) { c.num_beams = 0; }), HasSubstr("num_beams: expected"));
  EXPECT_THAT(message([](auto& c) { c.num_beams = 1LL << 62; }), HasSubstr("num_beams: expected"));
  EXPECT_THAT(message([](auto& c) { c.num_return_sequences = 2; }),
              HasSubstr("num_return_sequences: expected"));
  EXPECT_THAT(message([&](auto& c) { c.length_penalty = nan; }), HasSubstr("length_penalty"));
  EXPECT_THAT(message([&](auto& c) { c.max_time = nan; }), HasSubstr("max_time: expected"));
  EXPECT_THAT(message([](auto& c) { c.prompt_lookup_num_tokens = -1; }),
              HasSubstr("prompt_lookup_num_tokens: expected"));
  EXPECT_THAT(message([](auto& c) { c.max_matching_ngram_size = 0; }),
              HasSubstr("max_matching_ngram_size: expected"));
  EXPECT_THAT(message([](auto& c) { c.num_assistant_tokens = 0; }),
              HasSubstr("num_assistant_tokens: expected"));
  EXPECT_THAT(message([](auto& c) { c.assistant_confidence_threshold = -0.1; }),
              HasSubstr("assistant_confidence_threshold: expected"));
  EXPECT_THAT(message([](auto& c) { c.stop_strings = {""}; }), HasSubstr("stop_strings"));
}

TEST(GenerationConfig, RefusesPenaltiesOutOfRange) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto message = [](const auto& change) {
    GenerationConfig config;
    change(config);
    return testing::thrown_by([&] { config.validate(); }).message;
  };
  EXPECT_THAT(message([&](auto& c) { c.frequency_penalty = nan; }), HasSubstr("frequency_penalty"));
  EXPECT_THAT(message([&](auto& c) { c.presence_penalty = nan; }), HasSubstr("presence_penalty"));
  EXPECT_THAT(message([&](auto& c) { c.logit_bias = {{3, nan}}; }), HasSubstr("logit_bias"));
  EXPECT_THAT(message([](auto& c) { c.dry_multiplier = -1; }), HasSubstr("dry_multiplier"));
  EXPECT_THAT(message([](auto& c) { c.dry_base = 0.5; }), HasSubstr("dry_base"));
  EXPECT_THAT(message([](auto& c) { c.dry_allowed_length = -1; }), HasSubstr("dry_allowed_length"));
  EXPECT_THAT(message([](auto& c) { c.dry_penalty_last_n = -2; }), HasSubstr("dry_penalty_last_n"));
  EXPECT_THAT(message([](auto& c) { c.xtc_probability = 2; }), HasSubstr("xtc_probability"));
  EXPECT_THAT(message([](auto& c) { c.xtc_threshold = -0.1; }), HasSubstr("xtc_threshold"));
}

TEST(GenerationConfig, CountsThePromptInTheLengthsThatIncludeIt) {
  GenerationConfig config;
  EXPECT_EQ(config.for_prompt(100).max_new_tokens, 256);
  config.max_length = 130;
  config.min_length = 110;
  EXPECT_EQ(config.for_prompt(100).max_new_tokens, 30);
  EXPECT_EQ(config.for_prompt(100).min_new_tokens, 10);
  EXPECT_EQ(config.for_prompt(120).min_new_tokens, 0);
  config.max_new_tokens = 50;
  config.min_new_tokens = 20;
  EXPECT_EQ(config.for_prompt(100).max_new_tokens, 50);
  EXPECT_EQ(config.for_prompt(100).min_new_tokens, 20);
}

TEST(GenerationConfig, RefusesAPromptThatFillsMaxLength) {
  GenerationConfig config;
  config.max_length = 100;
  const testing::Thrown error = testing::thrown_by([&] { (void)config.for_prompt(100); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("max_length: expected more than the 100 tokens"));
}

}  // namespace
}  // namespace minimax
