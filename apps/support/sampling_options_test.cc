// SPDX-License-Identifier: Apache-2.0
#include "support/sampling_options.h"

#include <gtest/gtest.h>

#include "support/exit_code.h"

namespace minimax::apps {
namespace {

GenerationConfig model_defaults() {
  GenerationConfig config;
  config.do_sample = true;
  config.temperature = 0.7;
  config.top_p = 0.95;
  config.stop_strings = {"###"};
  return config;
}

TEST(SamplingOptions, ChangeOnlyWhatTheyName) {
  SamplingOptions options;
  options.top_k = 5;
  options.seed = 9;
  options.stop = {"END"};
  const GenerationConfig config = to_generation_config(options, model_defaults());
  EXPECT_TRUE(config.do_sample);
  EXPECT_EQ(config.temperature, 0.7);
  EXPECT_EQ(config.top_p, 0.95);
  EXPECT_EQ(config.top_k, 5);
  EXPECT_EQ(config.seed, 9U);
  EXPECT_EQ(config.stop_strings, (std::vector<std::string>{"###", "END"}));
}

TEST(SamplingOptions, AreGreedyAtTemperatureZero) {
  SamplingOptions options;
  options.temperature = 0;
  options.top_k = 5;
  const GenerationConfig config = to_generation_config(options, model_defaults());
  EXPECT_FALSE(config.do_sample);
  EXPECT_GT(config.temperature, 0);  // what validate() asks for
}

TEST(SamplingOptions, TurnSamplingOnForAGreedyModel) {
  SamplingOptions options;
  EXPECT_FALSE(to_generation_config(options, GenerationConfig{}).do_sample);
  options.top_p = 0.5;
  EXPECT_TRUE(to_generation_config(options, GenerationConfig{}).do_sample);
}

TEST(SamplingOptions, DrawASeedWhereNoneIsGiven) {
  const SamplingOptions options;
  std::uint64_t different = 0;
  for (int i = 0; i < 4; ++i) {
    different |= to_generation_config(options, {}).seed ^ to_generation_config(options, {}).seed;
  }
  EXPECT_NE(different, 0U);
}

TEST(SamplingOptions, BiasTokensAndPenalize) {
  SamplingOptions options;
  options.logit_bias = {"5=-100", "7=1.5"};
  options.dry_multiplier = 0.8;
  options.min_new_tokens = 3;
  const GenerationConfig config = to_generation_config(options, model_defaults());
  EXPECT_EQ(config.logit_bias, (std::map<std::int32_t, double>{{5, -100.0}, {7, 1.5}}));
  EXPECT_EQ(config.dry_multiplier, 0.8);
  EXPECT_EQ(config.min_new_tokens, 3);
}

TEST(SamplingOptions, AreSetByName) {
  SamplingOptions options;
  set_sampling_option(options, "top_p", "0.25");
  set_sampling_option(options, "max-new-tokens", "007");
  EXPECT_EQ(options.top_p, 0.25);
  EXPECT_EQ(options.max_new_tokens, 7);
  set_sampling_option(options, "top-p", "0.5");
  EXPECT_EQ(options.top_p, 0.5);
}

TEST(SamplingOptions, StayAsTheyAreWhereAValueIsWrong) {
  SamplingOptions options;
  options.top_p = 0.25;
  EXPECT_THROW(set_sampling_option(options, "top_p", "2"), UsageError);
  EXPECT_THROW(set_sampling_option(options, "top_p", ""), UsageError);
  EXPECT_THROW(set_sampling_option(options, "top_q", "0.5"), UsageError);
  EXPECT_EQ(options.top_p, 0.25);
}

}  // namespace
}  // namespace minimax::apps
