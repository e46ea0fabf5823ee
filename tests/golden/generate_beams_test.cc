// SPDX-License-Identifier: Apache-2.0
// What beams share with the other ways to generate: batches, seeds, ends and refusals. Which
// sequences they find is in beams_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "minimax/model.h"
#include "tests/golden/golden_file.h"
#include "tests/support/thrown_by.h"

namespace minimax::testing {
namespace {

using ::testing::HasSubstr;

using Ids = std::vector<std::int32_t>;

class GenerateBeams : public ::testing::Test {
 protected:
  GenerateBeams() {
    config_.max_new_tokens = 10;
    config_.num_beams = 4;
    config_.num_return_sequences = 3;
    config_.eos_token_id = {7, 23, 41};
  }

  std::vector<GenerateOutput> generate(const GenerateOptions& options = {}) {
    const BatchEncoding batch = pad(rows_, PaddingSide::kLeft);
    return model_.generate(batch.inputs(), config_, options);
  }

  void expect_like_single_runs() {
    const std::vector<GenerateOutput> batch = generate();
    ASSERT_EQ(batch.size(), 9u);
    for (std::size_t i = 0; i < batch.size(); i += 3) {
      const std::vector<GenerateOutput> single =
          model_.generate(ModelInputs(rows_[i / 3]), config_);
      for (std::size_t k = 0; k < 3; ++k) {
        EXPECT_EQ(batch[i + k].tokens, single[k].tokens) << i + k;
        EXPECT_EQ(batch[i + k].sequences_score, single[k].sequences_score) << i + k;
      }
      config_.seed += 3;
    }
  }

  MiniMaxForCausalLM model_ = MiniMaxForCausalLM::from_pretrained(
      golden_model_directory("beams"), {.dtype = ComputeType::kFloat32, .threads = 2});
  std::vector<Ids> rows_ = {{28, 26, 46}, {25, 32, 34, 48, 14, 53, 29, 24, 58}, {13, 26, 38, 50}};
  GenerationConfig config_;
};

TEST_F(GenerateBeams, FindTheSameInABatchAsAlone) {
  expect_like_single_runs();
  config_.early_stopping = EarlyStopping::kTrue;
  expect_like_single_runs();
}

TEST_F(GenerateBeams, DrawTheSameInABatchAsAloneWithTheSeedOfTheirFirstOutput) {
  config_.do_sample = true;
  config_.temperature = 2.0;
  config_.seed = 5;
  expect_like_single_runs();
}

TEST_F(GenerateBeams, ReturnTheBestFirstWithTheScoresOfTheirTokens) {
  config_.output_scores = true;
  config_.length_penalty = 0.5;
  float last = 0.0F;
  for (const GenerateOutput& output : model_.generate(ModelInputs(rows_[1]), config_)) {
    EXPECT_LE(output.sequences_score, last);
    last = output.sequences_score;
    const auto tokens = static_cast<float>(output.tokens.size());
    ASSERT_EQ(output.scores.size(), output.tokens.size());
    EXPECT_EQ(output.beam_indices.size(), output.tokens.size());
    EXPECT_EQ(output.beam_indices.front(), 0);
    // Without processors, the scores are log-probabilities.
    EXPECT_THAT(output.logprobs, ::testing::Pointwise(::testing::FloatNear(1e-5F), output.scores));
    const float sum = std::accumulate(output.scores.begin(), output.scores.end(), 0.0F);
    EXPECT_NEAR(output.sequences_score, sum / std::sqrt(tokens), 1e-4F);
  }
}

// The first token of one of two beams is drawn without replacement among four tokens, so that the
// first draw has the probabilities of the softmax.
TEST_F(GenerateBeams, DrawByTheProbabilityOfTheToken) {
  config_.do_sample = true;
  config_.num_beams = 2;
  config_.num_return_sequences = 1;
  config_.max_new_tokens = 1;
  config_.eos_token_id = {};
  const std::vector<float> wanted = {0.4F, 0.3F, 0.2F, 0.1F};
  const LogitsProcessor four = [&](std::span<const std::int32_t>, std::span<float> scores) {
    std::ranges::fill(scores, -std::numeric_limits<float>::infinity());
    std::ranges::transform(wanted, scores.begin(), [](float p) { return std::log(p); });
  };
  // All end at once, and the better of the two first drawn is the answer. Token 3 wins never
  // (another one is better), token 0 where it is among the two: 1 - P(neither draw).
  constexpr int kDraws = 4000;
  std::map<std::int32_t, double> shares;
  for (int i = 0; i < kDraws; ++i) {
    config_.seed = static_cast<std::uint64_t>(i);
    const auto outputs =
        model_.generate(ModelInputs(rows_[0]), config_, {.logits_processor = {four}});
    shares[outputs.front().tokens.front()] += 1.0 / kDraws;
  }
  double without_first = 0.0;
  for (const int a : {1, 2, 3}) {
    const double p = wanted[static_cast<std::size_t>(a)];
    without_first += p * (1.0 - p - 0.4) / (1.0 - p);
  }
  // Five standard deviations of a share near one third, and the seeds are fixed.
  const double tolerance = 5 * std::sqrt(without_first * (1 - without_first) / kDraws);
  EXPECT_NEAR(shares[0], 1.0 - without_first, tolerance);
  EXPECT_NEAR(shares[2], 0.2 * 0.1 * (1 / 0.8 + 1 / 0.9), tolerance);
  EXPECT_EQ(shares[3], 0.0);
}

TEST_F(GenerateBeams, EndWithTimeCriteriaAndCancelling) {
  config_.eos_token_id = {};
  const StoppingCriteria fourth = [&](std::span<const std::int32_t> ids, std::span<const float>) {
    return ids.size() == rows_[0].size() + 4;
  };
  for (const GenerateOutput& output :
       model_.generate(ModelInputs(rows_[0]), config_, {.stopping_criteria = {fourth}})) {
    EXPECT_EQ(output.tokens.size(), 4u);
    EXPECT_EQ(output.finish_reason, FinishReason::kStoppingCriteria);
  }
  int asked = 0;
  for (const GenerateOutput& output : generate({.cancelled = [&] { return ++asked > 3; }})) {
    EXPECT_EQ(output.tokens.size(), 2u + 1u);
    EXPECT_EQ(output.finish_reason, FinishReason::kCancelled);
  }
  config_.max_time = 0.0;
  for (const GenerateOutput& output : generate()) {
    EXPECT_EQ(output.tokens.size(), 1u);
    EXPECT_EQ(output.finish_reason, FinishReason::kTime);
  }
}

TEST_F(GenerateBeams, RefuseWhatNeedsOneSequence) {
  State state = model_.new_state();
  const auto message = [&](const GenerateOptions& options) {
    return thrown_by([&] { generate(options); }).message;
  };
  EXPECT_THAT(message({.state = &state}), HasSubstr("state: expected none with num_beams"));
  EXPECT_THAT(message({.on_token = [](std::int32_t) { return true; }}), HasSubstr("on_token"));
  config_.num_return_sequences = 5;
  EXPECT_THAT(message({}), HasSubstr("num_return_sequences: expected up to the 4 of num_beams"));
  config_.num_beams = 0;
  EXPECT_THAT(message({}), HasSubstr("num_beams: expected a number from 1 to 2147483647, found 0"));
  config_.num_beams = 1 << 30;
  EXPECT_EQ(thrown_by([&] { generate(); }).code, ErrorCode::kOutOfMemory);
}

TEST(GenerateBeamsOfText, StopAtStopStrings) {
  MiniMaxForCausalLM model = MiniMaxForCausalLM::from_pretrained(
      golden_model_directory(kDemonstrationModel), {.threads = 2});
  const Tokenizer tokenizer =
      AutoTokenizer::from_pretrained(golden_model_directory(kDemonstrationModel));
  const Ids prompt = tokenizer.encode_chat(
      R"([{"role": "user", "content": "How many legs does a spider have?"}])");
  GenerationConfig config = model.generation_config();
  config.do_sample = false;
  config.num_beams = 2;
  config.max_new_tokens = 40;
  const GenerateOutput whole = model.generate(prompt, config, {.tokenizer = &tokenizer});
  EXPECT_EQ(whole.text, "A spider has eight legs.");
  EXPECT_EQ(whole.finish_reason, FinishReason::kEndOfSequence);
  config.stop_strings = {"eight l"};
  const GenerateOutput cut = model.generate(prompt, config, {.tokenizer = &tokenizer});
  EXPECT_EQ(cut.text, "A spider has ");
  EXPECT_EQ(cut.finish_reason, FinishReason::kStopString);
}

}  // namespace
}  // namespace minimax::testing
