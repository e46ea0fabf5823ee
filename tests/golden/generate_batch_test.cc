// SPDX-License-Identifier: Apache-2.0
// Batches of generate(): every row is answered as if it were alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "minimax/error.h"
#include "minimax/model.h"
#include "tests/golden/golden_file.h"
#include "tests/support/thrown_by.h"

namespace minimax::testing {
namespace {

using ::testing::HasSubstr;

using Ids = std::vector<std::int32_t>;

class GenerateBatch : public ::testing::Test {
 protected:
  GenerateBatch() {
    for (const char* question :
         {"How many legs does a spider have?", "Hello!", "Tell me a story about a fox and a hen.",
          "What is the capital of France?", "Count to five."}) {
      rows_.push_back(tokenizer_.encode_chat(R"([{"role": "user", "content": ")" +
                                             std::string(question) + R"("}])"));
    }
    // Longer than one step of the model, so that it is read in pieces.
    Ids long_row;
    for (int i = 0; i < 700; ++i) {
      long_row.push_back(rows_[static_cast<std::size_t>(i) % 5][static_cast<std::size_t>(i) % 9]);
    }
    rows_.push_back(long_row);
    std::swap(rows_[2], rows_.back());
    config_ = model_.generation_config();
    config_.max_new_tokens = 24;
    config_.do_sample = false;
  }

  const BatchEncoding& padded(PaddingSide side) {
    padded_ = pad(rows_, side);
    return padded_;
  }

  void expect_like_single_runs(GenerationConfig config, PaddingSide side) {
    const BatchEncoding batched = pad(rows_, side);
    const std::vector<GenerateOutput> batch = model_.generate(batched.inputs(), config);
    const auto copies = static_cast<std::size_t>(config.num_return_sequences);
    ASSERT_EQ(batch.size(), rows_.size() * copies);
    config.num_return_sequences = 1;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const GenerateOutput single = model_.generate(rows_[i / copies], config);
      EXPECT_EQ(batch[i].tokens, single.tokens) << "output " << i;
      EXPECT_EQ(batch[i].scores, single.scores) << "output " << i;
      EXPECT_EQ(batch[i].finish_reason, single.finish_reason) << "output " << i;
      EXPECT_EQ(batch[i].prompt_tokens, single.prompt_tokens) << "output " << i;
      ++config.seed;
    }
  }

  MiniMaxForCausalLM model_ = MiniMaxForCausalLM::from_pretrained(
      golden_model_directory(kDemonstrationModel), {.threads = 2});
  Tokenizer tokenizer_ =
      AutoTokenizer::from_pretrained(golden_model_directory(kDemonstrationModel));
  std::vector<Ids> rows_;
  BatchEncoding padded_;
  GenerationConfig config_;
};

TEST_F(GenerateBatch, EqualsSingleRunsWhenGreedy) {
  config_.output_scores = true;
  expect_like_single_runs(config_, PaddingSide::kLeft);
  expect_like_single_runs(config_, PaddingSide::kRight);
}

TEST_F(GenerateBatch, DrawsWithTheSeedOfEachOutput) {
  config_.do_sample = true;
  config_.temperature = 1.5;
  config_.seed = 11;
  expect_like_single_runs(config_, PaddingSide::kLeft);
}

TEST_F(GenerateBatch, DrawsSeveralAnswersToEachRow) {
  config_.do_sample = true;
  config_.temperature = 1.5;
  config_.num_return_sequences = 3;
  config_.max_new_tokens = 12;
  expect_like_single_runs(config_, PaddingSide::kRight);
}

TEST_F(GenerateBatch, CountsTheTokensOfEachRowForMaxLength) {
  rows_ = {rows_[0], rows_[1]};
  config_.max_new_tokens.reset();
  config_.max_length = static_cast<std::int64_t>(std::max(rows_[0].size(), rows_[1].size())) + 2;
  expect_like_single_runs(config_, PaddingSide::kLeft);
}

TEST_F(GenerateBatch, StreamsEveryOutputByItsNumber) {
  rows_ = {rows_[0], rows_[1]};
  config_.max_new_tokens = 40;
  std::map<std::int64_t, std::string> text;
  std::map<std::int64_t, Ids> tokens;
  const BatchEncoding batched = pad(rows_, PaddingSide::kLeft);
  const std::vector<GenerateOutput> outputs =
      model_.generate(batched.inputs(), config_,
                      {.tokenizer = &tokenizer_,
                       .on_batch_token =
                           [&](std::int64_t output, std::int32_t token) {
                             tokens[output].push_back(token);
                             return output != 1 || tokens[output].size() < 2;
                           },
                       .on_batch_text = [&](std::int64_t output,
                                            std::string_view piece) { text[output] += piece; }});
  EXPECT_EQ(outputs[0].text, "A spider has eight legs.");
  EXPECT_EQ(outputs[1].finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(outputs[1].tokens.size(), 2u);
  for (const std::int64_t i : {0, 1}) {
    EXPECT_EQ(text[i], outputs[static_cast<std::size_t>(i)].text);
    EXPECT_EQ(tokens[i], outputs[static_cast<std::size_t>(i)].tokens);
  }
}

TEST_F(GenerateBatch, StopsEachRowAtItsOwnStopString) {
  rows_ = {rows_[0], rows_[1]};
  config_.max_new_tokens = 40;
  config_.stop_strings = {"eight"};
  const std::vector<GenerateOutput> outputs =
      model_.generate(padded(PaddingSide::kRight).inputs(), config_, {.tokenizer = &tokenizer_});
  EXPECT_EQ(outputs[0].text, "A spider has ");
  EXPECT_EQ(outputs[0].finish_reason, FinishReason::kStopString);
  EXPECT_EQ(outputs[1].finish_reason, FinishReason::kEndOfSequence);
}

TEST_F(GenerateBatch, EndsARowWhereACriterionSays) {
  rows_ = {rows_[0], rows_[1]};
  const std::size_t limit = rows_[0].size() + 3;
  const StoppingCriteria long_enough = [&](std::span<const std::int32_t> ids,
                                           std::span<const float> scores) {
    // The last id was chosen from the scores.
    EXPECT_EQ(*std::ranges::max_element(scores), scores[static_cast<std::size_t>(ids.back())]);
    return ids.size() == limit && std::ranges::equal(ids.first(rows_[0].size()), rows_[0]);
  };
  const StoppingCriteria never = [](auto, auto) { return false; };
  const std::vector<GenerateOutput> outputs = model_.generate(
      padded(PaddingSide::kLeft).inputs(), config_, {.stopping_criteria = {long_enough, never}});
  EXPECT_EQ(outputs[0].tokens.size(), 3u);
  EXPECT_EQ(outputs[0].finish_reason, FinishReason::kStoppingCriteria);
  EXPECT_NE(outputs[1].finish_reason, FinishReason::kStoppingCriteria);
}

TEST_F(GenerateBatch, EndsAllRowsWhenTheTimeIsOver) {
  config_.max_time = 0.0;  // over before the first token
  for (const GenerateOutput& output :
       model_.generate(padded(PaddingSide::kLeft).inputs(), config_)) {
    EXPECT_EQ(output.tokens.size(), 1u);
    EXPECT_EQ(output.finish_reason, FinishReason::kTime);
  }
  config_.max_time = 1e9;
  EXPECT_NE(model_.generate(rows_[0], config_).finish_reason, FinishReason::kTime);
}

TEST_F(GenerateBatch, EndsEveryRowWhenCancelled) {
  const BatchEncoding batched = pad(rows_, PaddingSide::kLeft);
  int asked = 0;
  for (const GenerateOutput& output :
       model_.generate(batched.inputs(), config_, {.cancelled = [&] { return ++asked > 6; }})) {
    EXPECT_EQ(output.finish_reason, FinishReason::kCancelled);
    EXPECT_LT(output.tokens.size(), 6u);
  }
}

TEST_F(GenerateBatch, ContinuesEmbeddingsLikeTheirTokens) {
  config_.repetition_penalty = 1.0;  // the processors that look back see no prompt then
  const MoeCausalLMOutputWithPast output = model_.forward(rows_[0], {.output_hidden_states = true});
  ModelInputs inputs;
  inputs.inputs_embeds = output.hidden_states.front().values;
  EXPECT_EQ(model_.generate(inputs, config_).front().tokens,
            model_.generate(rows_[0], config_).tokens);
}

TEST_F(GenerateBatch, ReadsThePromptsEvenForNoTokens) {
  config_.max_new_tokens = 0;
  for (const GenerateOutput& output :
       model_.generate(padded(PaddingSide::kLeft).inputs(), config_)) {
    EXPECT_TRUE(output.tokens.empty());
    EXPECT_EQ(output.finish_reason, FinishReason::kLength);
  }
}

TEST_F(GenerateBatch, RefusesWhatNeedsOneSequence) {
  rows_ = {rows_[0], rows_[1]};
  const BatchEncoding batched = pad(rows_, PaddingSide::kLeft);
  State state = model_.new_state();
  const auto message = [&](const GenerateOptions& options) {
    return thrown_by([&] { model_.generate(batched.inputs(), config_, options); }).message;
  };
  EXPECT_THAT(message({.state = &state}), HasSubstr("state: expected one sequence"));
  EXPECT_THAT(message({.on_token = [](std::int32_t) { return true; }}), HasSubstr("on_token"));
  EXPECT_THAT(message({.tokenizer = &tokenizer_, .on_text = [](std::string_view) {}}),
              HasSubstr("on_text"));
  GenerationConfig config = config_;
  config.num_return_sequences = 2;
  EXPECT_THAT(thrown_by([&] { model_.generate(batched.inputs(), config); }).message,
              HasSubstr("num_return_sequences"));
  config.do_sample = true;
  EXPECT_THAT(thrown_by([&] { model_.generate(rows_[0], config); }).message,
              HasSubstr("num_return_sequences"));
  config.num_return_sequences = 0;
  EXPECT_THAT(thrown_by([&] { model_.generate(batched.inputs(), config); }).message,
              HasSubstr("num_return_sequences"));
}

}  // namespace
}  // namespace minimax::testing
