// SPDX-License-Identifier: Apache-2.0
// Assisted generation gives what the model gives alone: the same tokens, or the same probabilities.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "minimax/model.h"
#include "tests/golden/golden_file.h"
#include "tests/support/thrown_by.h"

namespace minimax::testing {
namespace {

using ::testing::HasSubstr;

using Ids = std::vector<std::int32_t>;

MiniMaxForCausalLM load(const std::string& name) {
  return MiniMaxForCausalLM::from_pretrained(golden_model_directory(name), {.threads = 2});
}

class AssistedDemonstration : public ::testing::Test {
 protected:
  AssistedDemonstration() {
    config_.max_new_tokens = 24;
    config_.assistant_confidence_threshold = 0.0;
  }

  // Questions, stories and repetitions of them.
  std::vector<Ids> prompts(int count) const {
    const char* const subjects[] = {"fox", "hen", "river", "king", "spider"};
    std::vector<Ids> prompts;
    for (int i = 0; i < count; ++i) {
      const char* subject = subjects[i % 5];
      const std::string question =
          i % 4 == 0   ? fmt::format("What is {} plus {}?", i / 4, i % 9)
          : i % 4 == 1 ? fmt::format("Tell me a story about a {} and {} friends.", subject, i)
          : i % 4 == 2 ? fmt::format("How many legs does a {} have? A {} has {} legs.", subject,
                                     subject, i % 7)
                       : fmt::format("The {} sat. The {} sat. The {}", subject, subject, subject);
      prompts.push_back(i % 4 == 3 ? tokenizer_.encode(question)
                                   : tokenizer_.encode_chat(fmt::format(
                                         R"([{{"role": "user", "content": "{}"}}])", question)));
    }
    return prompts;
  }

  // Compares every output with that of plain generation.
  void expect_plain_tokens(int count, const GenerationConfig& assisted,
                           const GenerateOptions& options) {
    const std::vector<Ids> rows = prompts(count);
    const BatchEncoding batch = pad(rows, PaddingSide::kLeft);
    GenerationConfig plain = assisted;
    plain.prompt_lookup_num_tokens = 0;
    const std::vector<GenerateOutput> expected = model_.generate(batch.inputs(), plain);
    const std::vector<GenerateOutput> outputs = model_.generate(batch.inputs(), assisted, options);
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_EQ(outputs[i].tokens, expected[i].tokens) << "prompt " << i;
      EXPECT_EQ(outputs[i].finish_reason, expected[i].finish_reason) << "prompt " << i;
    }
  }

  MiniMaxForCausalLM model_ = load(kDemonstrationModel);
  Tokenizer tokenizer_ =
      AutoTokenizer::from_pretrained(golden_model_directory(kDemonstrationModel));
  GenerationConfig config_ = [this] {
    GenerationConfig config = model_.generation_config();
    config.do_sample = false;
    return config;
  }();
};

TEST_F(AssistedDemonstration, ByLookUpEqualsPlainGreedyOn200Prompts) {
  config_.prompt_lookup_num_tokens = 8;
  expect_plain_tokens(200, config_, {});
}

TEST_F(AssistedDemonstration, ByItselfEqualsPlainGreedyOn200Prompts) {
  config_.num_assistant_tokens = 5;
  expect_plain_tokens(200, config_, {.assistant_model = &model_});
}

TEST_F(AssistedDemonstration, ByADraftInOtherArithmeticEqualsPlainGreedy) {
  config_.num_assistant_tokens = 4;
  config_.num_assistant_tokens_schedule = AssistantSchedule::kHeuristic;
  config_.assistant_confidence_threshold = 0.3;
  MiniMaxForCausalLM draft = MiniMaxForCausalLM::from_pretrained(
      golden_model_directory(kDemonstrationModel), {.dtype = ComputeType::kFloat32, .threads = 2});
  expect_plain_tokens(40, config_, {.assistant_model = &draft});
}

TEST_F(AssistedDemonstration, ByLookUpDrawsTheTokensOfPlainSampling) {
  config_.do_sample = true;
  config_.temperature = 1.2;
  config_.seed = 3;
  config_.prompt_lookup_num_tokens = 6;
  expect_plain_tokens(40, config_, {});
}

TEST_F(AssistedDemonstration, KeepsProcessorsScoresAndText) {
  config_.repetition_penalty = 1.3;
  config_.no_repeat_ngram_size = 3;
  config_.output_scores = true;
  config_.stop_strings = {"zz", "legs"};
  const Ids prompt = prompts(3).back();
  const GenerateOutput plain = model_.generate(prompt, config_, {.tokenizer = &tokenizer_});
  config_.prompt_lookup_num_tokens = 6;
  std::string streamed;
  const GenerateOutput output = model_.generate(
      prompt, config_,
      {.tokenizer = &tokenizer_, .on_text = [&](std::string_view text) { streamed += text; }});
  EXPECT_EQ(output.tokens, plain.tokens);
  EXPECT_EQ(output.text, plain.text);
  EXPECT_EQ(streamed, plain.text);
  // Several tokens at a time are rounded differently: units of 1e-5 at logits of up to 20.
  EXPECT_THAT(output.scores, ::testing::Pointwise(::testing::FloatNear(1e-3F), plain.scores));
}

TEST_F(AssistedDemonstration, LeavesTheStateOfPlainGeneration) {
  const Ids prompt = prompts(2).back();
  config_.max_new_tokens = 23;
  State plain = model_.new_state();
  const GenerateOutput expected = model_.generate(prompt, config_, {.state = &plain});
  config_.prompt_lookup_num_tokens = 6;
  State state = model_.new_state();
  const GenerateOutput output = model_.generate(prompt, config_, {.state = &state});
  ASSERT_EQ(output.tokens, expected.tokens);
  EXPECT_EQ(state.length(), plain.length());
  const Ids next = {output.tokens.back()};
  const auto logits = [&](State& of) {
    return model_.forward(next, {.past_key_values = {&of, 1}}).logits.values;
  };
  EXPECT_THAT(logits(state), ::testing::Pointwise(::testing::FloatNear(1e-2F), logits(plain)));
}

TEST_F(AssistedDemonstration, EndsWhereCriteriaAndCallbacksSay) {
  const Ids prompt = prompts(2).back();
  config_.num_assistant_tokens = 6;
  const StoppingCriteria fifth = [&](std::span<const std::int32_t> ids, std::span<const float>) {
    return ids.size() == prompt.size() + 5;
  };
  EXPECT_EQ(
      model_.generate(prompt, config_, {.assistant_model = &model_, .stopping_criteria = {fifth}})
          .tokens.size(),
      5u);
  const GenerateOutput none = model_.generate(
      prompt, config_, {.assistant_model = &model_, .cancelled = [] { return true; }});
  EXPECT_TRUE(none.tokens.empty());
  EXPECT_EQ(none.finish_reason, FinishReason::kCancelled);
  int tokens = 0;
  const GenerateOutput output = model_.generate(
      prompt, config_,
      {.assistant_model = &model_, .on_token = [&](std::int32_t) { return ++tokens < 4; }});
  EXPECT_EQ(output.tokens.size(), 4u);
  EXPECT_EQ(output.finish_reason, FinishReason::kCancelled);
}

TEST_F(AssistedDemonstration, RefusesAnAssistantOfAnotherVocabulary) {
  MiniMaxForCausalLM other = load("m1");
  const auto message = [&](const GenerateOptions& options) {
    return thrown_by([&] { model_.generate(Ids{1}, config_, options); }).message;
  };
  EXPECT_THAT(message({.assistant_model = &other}), HasSubstr("assistant_model: expected the "
                                                              "vocabulary of the model, 2213 ids, "
                                                              "found 97"));
  config_.num_beams = 2;
  EXPECT_THAT(message({.assistant_model = &model_}), HasSubstr("num_beams"));
  config_.prompt_lookup_num_tokens = 2;
  EXPECT_THAT(message({}), HasSubstr("prompt_lookup_num_tokens: expected 0 with beams"));
  config_.num_beams = 1;
  EXPECT_THAT(message({.assistant_model = &model_}), HasSubstr("prompt_lookup_num_tokens"));
}

class AssistedDistribution : public ::testing::Test {
 protected:
  static constexpr int kTokens = 4;
  static constexpr int kDraws = 6000;
  static constexpr std::int32_t kAllowed[] = {10, 40, 70};  // so that both models draw the same

  AssistedDistribution() {
    config_.do_sample = true;
    config_.temperature = 4.0;
    for (std::int32_t id = 0; id < model_.config().vocab_size; ++id) {
      if (std::ranges::find(kAllowed, id) == std::end(kAllowed)) {
        config_.suppress_tokens.push_back(id);
      }
    }
    config_.max_new_tokens = kTokens;
    config_.num_assistant_tokens = 3;
    config_.assistant_confidence_threshold = 0.0;
    config_.eos_token_id = {};
  }

  // The probabilities of the tokens that may follow.
  std::map<std::int32_t, double> next(MiniMaxForCausalLM& model, const Ids& ids) {
    const auto logits = model.forward(ids, {.logits_to_keep = 1}).logits.values;
    std::map<std::int32_t, double> weights;
    double total = 0.0;
    for (const std::int32_t id : kAllowed) {
      total += weights[id] = std::exp(logits[static_cast<std::size_t>(id)] / config_.temperature);
    }
    for (auto& [id, weight] : weights) {
      weight /= total;
    }
    return weights;
  }

  // The probability of every answer of `tokens` more tokens.
  void enumerate(MiniMaxForCausalLM& model, const Ids& answer, double probability,
                 std::map<Ids, double>& answers) {
    if (answer.size() == kTokens) {
      answers[answer] = probability;
      return;
    }
    Ids ids = prompt_;
    ids.insert(ids.end(), answer.begin(), answer.end());
    for (const auto& [id, share] : next(model, ids)) {
      Ids longer = answer;
      longer.push_back(id);
      enumerate(model, longer, probability * share, answers);
    }
  }

  // The chi-square statistic in units of its standard deviation from its mean: degrees of freedom
  // are one less than the answers, and answers that were not expected are an infinite distance.
  double distance(const std::map<Ids, int>& counts, const std::map<Ids, double>& expected) {
    double statistic = 0.0;
    int seen = 0;
    for (const auto& [answer, probability] : expected) {
      const double mean = probability * kDraws;
      EXPECT_GE(mean, 5.0);  // or the statistic would not be that of a chi-square distribution
      const auto found = counts.find(answer);
      const int count = found == counts.end() ? 0 : found->second;
      statistic += (count - mean) * (count - mean) / mean;
      seen += count;
    }
    const auto freedom = static_cast<double>(expected.size() - 1);
    return seen == kDraws ? (statistic - freedom) / std::sqrt(2 * freedom) : INFINITY;
  }

  std::map<Ids, int> draw(const GenerateOptions& options) {
    std::map<Ids, int> counts;
    for (int i = 0; i < kDraws; ++i) {
      config_.seed = static_cast<std::uint64_t>(i);
      ++counts[model_.generate(prompt_, config_, options).tokens];
    }
    return counts;
  }

  MiniMaxForCausalLM model_ = load("lightning_first");
  Ids prompt_ = {5, 9, 31, 5, 9};
  GenerationConfig config_;
};

// Five standard deviations; the seeds are fixed, so that this cannot flicker.
constexpr double kMostDeviations = 5.0;

TEST_F(AssistedDistribution, IsThatOfTheModelWhateverTheDraft) {
  std::map<Ids, double> expected;
  enumerate(model_, {}, 1.0, expected);
  ASSERT_EQ(expected.size(), 81u);
  MiniMaxForCausalLM draft = load("softmax_first");
  std::map<Ids, double> of_draft;
  enumerate(draft, {}, 1.0, of_draft);
  const std::map<Ids, int> drawn = draw({.assistant_model = &draft});
  EXPECT_LT(distance(drawn, expected), kMostDeviations);
  EXPECT_GT(distance(drawn, of_draft), 4 * kMostDeviations);
  EXPECT_LT(distance(draw({.assistant_model = &model_}), expected), kMostDeviations);
  config_.assistant_confidence_threshold = 0.4;
  EXPECT_LT(distance(draw({.assistant_model = &draft}), expected), kMostDeviations);
}

TEST_F(AssistedDistribution, OfLookUpIsThatOfTheModel) {
  std::map<Ids, double> expected;
  enumerate(model_, {}, 1.0, expected);
  config_.prompt_lookup_num_tokens = 3;
  EXPECT_LT(distance(draw({}), expected), kMostDeviations);
}

}  // namespace
}  // namespace minimax::testing
