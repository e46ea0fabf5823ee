// SPDX-License-Identifier: Apache-2.0
// The generation loop on real models: ends, stop strings, streams, states and seeds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"
#include "minimax/model.h"
#include "tests/golden/golden_file.h"

namespace minimax::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kQuestion =
    R"([{"role": "user", "content": "How many legs does a spider have?"}])";

MiniMaxForCausalLM load(const std::string& name) {
  return MiniMaxForCausalLM::from_pretrained(golden_model_directory(name), {.threads = 2});
}

GenerationConfig greedy(const MiniMaxForCausalLM& model) {
  GenerationConfig config = model.generation_config();
  config.do_sample = false;
  config.max_new_tokens = 40;
  return config;
}

class Demonstration : public ::testing::Test {
 protected:
  MiniMaxForCausalLM model_ = load(kDemonstrationModel);
  Tokenizer tokenizer_ =
      AutoTokenizer::from_pretrained(golden_model_directory(kDemonstrationModel));
  std::vector<std::int32_t> prompt_ = tokenizer_.encode_chat(kQuestion);
};

TEST(Generate, EndsWithAnyOfTheEndTokens) {
  MiniMaxForCausalLM model = MiniMaxForCausalLM::from_pretrained(
      golden_model_directory("eos_list"), {.dtype = ComputeType::kFloat32, .threads = 2});
  const GoldenFile golden(golden_path("eos_list"));
  const std::vector<std::int32_t> prompt = golden.input_ids("greedy");
  std::vector<std::int64_t> tokens;
  for (const std::int32_t token : model.generate(prompt, greedy(model)).tokens) {
    tokens.push_back(token);
  }
  EXPECT_EQ(tokens, golden.integers("greedy.ids"));
}

TEST_F(Demonstration, AnswersAndSaysWhyItStopped) {
  const GenerateOutput output =
      model_.generate(prompt_, greedy(model_), {.tokenizer = &tokenizer_});
  EXPECT_EQ(output.text, "A spider has eight legs.");
  EXPECT_EQ(output.finish_reason, FinishReason::kEndOfSequence);
  EXPECT_EQ(output.tokens.back(), 3);
  EXPECT_EQ(output.prompt_tokens, static_cast<std::int64_t>(prompt_.size()));
}

TEST_F(Demonstration, StreamsTheTextThatItReturns) {
  std::string streamed;
  std::vector<std::int32_t> tokens;
  const GenerateOutput output =
      model_.generate(prompt_, greedy(model_),
                      {.tokenizer = &tokenizer_,
                       .on_token =
                           [&](std::int32_t token) {
                             tokens.push_back(token);
                             return true;
                           },
                       .on_text = [&](std::string_view text) { streamed += text; }});
  EXPECT_EQ(streamed, output.text);
  EXPECT_EQ(tokens, output.tokens);
}

TEST_F(Demonstration, StopsBeforeAStopString) {
  GenerationConfig config = greedy(model_);
  config.stop_strings = {"eight l", "no such text"};
  std::string streamed;
  const GenerateOutput output = model_.generate(
      prompt_, config,
      {.tokenizer = &tokenizer_, .on_text = [&](std::string_view text) { streamed += text; }});
  EXPECT_EQ(output.text, "A spider has ");
  EXPECT_EQ(streamed, output.text);
  EXPECT_EQ(output.finish_reason, FinishReason::kStopString);
}

TEST_F(Demonstration, GoesOnPastTheEndWhenTold) {
  GenerationConfig config = greedy(model_);
  config.ignore_eos = true;
  config.max_new_tokens = 20;
  const GenerateOutput output = model_.generate(prompt_, config);
  EXPECT_EQ(output.tokens.size(), 20u);
  EXPECT_EQ(output.finish_reason, FinishReason::kLength);
  EXPECT_THAT(output.tokens, ::testing::Not(::testing::Contains(3)));
}

TEST_F(Demonstration, ContinuesAStateLikeOnePrompt) {
  State state = model_.new_state();
  const std::span<const std::int32_t> all(prompt_);
  model_.forward(all.first(10), {.past_key_values = {&state, 1}, .logits_to_keep = 1});
  const GenerateOutput output =
      model_.generate(all.subspan(10), greedy(model_), {.tokenizer = &tokenizer_, .state = &state});
  EXPECT_EQ(output.text, "A spider has eight legs.");
  // The last token was chosen but not read.
  EXPECT_EQ(state.length(), static_cast<std::int64_t>(prompt_.size() + output.tokens.size()) - 1);
}

TEST_F(Demonstration, CanBeCancelledAtAnyToken) {
  int calls = 0;
  const GenerateOutput output = model_.generate(
      prompt_, greedy(model_), {.on_token = [&](std::int32_t) { return ++calls < 3; }});
  EXPECT_EQ(output.tokens.size(), 3u);
  EXPECT_EQ(output.finish_reason, FinishReason::kCancelled);
  const GenerateOutput none =
      model_.generate(prompt_, greedy(model_), {.cancelled = [] { return true; }});
  EXPECT_TRUE(none.tokens.empty());
  EXPECT_EQ(none.finish_reason, FinishReason::kCancelled);
}

TEST_F(Demonstration, DrawsTheSameTextForTheSameSeed) {
  const std::vector<std::int32_t> story =
      tokenizer_.encode_chat(R"([{"role": "user", "content": "Tell me a story."}])");
  GenerationConfig config = model_.generation_config();
  ASSERT_TRUE(config.do_sample);
  config.max_new_tokens = 30;
  const auto draw = [&](std::uint64_t seed) {
    config.seed = seed;
    return model_.generate(story, config).tokens;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
}

TEST_F(Demonstration, RefusesWhatMakesNoSense) {
  const GenerationConfig config = greedy(model_);
  const std::vector<std::int32_t> none;
  const std::vector<std::int32_t> outside = {1, 2213};
  EXPECT_THROW(model_.generate(none, config), Error);
  EXPECT_THROW(model_.generate(outside, config), Error);
  GenerationConfig bad = config;
  bad.top_p = 0.0;
  EXPECT_THROW(model_.generate(prompt_, bad), Error);
  GenerationConfig stop = config;
  stop.stop_strings = {"x"};
  EXPECT_THROW(model_.generate(prompt_, stop), Error);  // no tokenizer
}

TEST_F(Demonstration, NamesTheArithmeticWhereMemoryIsShort) {
  GenerationConfig config = greedy(model_);
  config.max_new_tokens = 1LL << 50;
  try {
    model_.generate(prompt_, config);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    EXPECT_THAT(error.what(), HasSubstr("available"));
  }
}

TEST_F(Demonstration, KeepsUserTextThatSpellsASpecialTokenAsText) {
  const std::vector<std::int32_t> ids =
      tokenizer_.encode_chat(R"([{"role": "user", "content": "<end_of_sentence>"}])",
                             {.add_generation_prompt = false, .tools_json = ""});
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 3), 1);  // the template's own
}

}  // namespace
}  // namespace minimax::testing
