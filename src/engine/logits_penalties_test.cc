// SPDX-License-Identifier: Apache-2.0
#include "engine/logits_penalties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "engine/logits_processors.h"
#include "engine/processor_list.h"

namespace minimax::engine {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

using Ids = std::vector<std::int32_t>;

TEST(LogitBias, AddsAndKeepsForbiddenTokensForbidden) {
  std::vector<float> scores = {1.0f, kForbidden, 3.0f};
  add_bias({{0, -100.0}, {1, 100.0}}, scores);
  EXPECT_THAT(scores, ElementsAre(-99.0f, kForbidden, 3.0f));
  add_bias({{2, 1e300}, {0, -1e300}}, scores);
  using Limits = std::numeric_limits<float>;
  EXPECT_THAT(scores, ElementsAre(Limits::lowest(), kForbidden, Limits::max()));
}

TEST(FrequencyPenalty, CountsWhatWasGenerated) {
  std::vector<float> scores(4, 1.0f);
  penalize_frequency(0.5, 0.25, Ids{1, 2, 1}, scores);
  EXPECT_THAT(scores, ElementsAre(1.0f, -0.25f, 0.25f, 1.0f));
}

TEST(FrequencyPenalty, LeavesThePromptAlone) {
  GenerationConfig config;
  config.presence_penalty = 1.0;
  std::vector<float> scores(4, 1.0f);
  ProcessorList(config, {}).apply(Ids{0, 0, 3, 2}, 1, scores);
  EXPECT_THAT(scores, ElementsAre(1.0f, 1.0f, 0.0f, 1.0f));
}

DryRule rule(std::span<const std::int32_t> breakers = {}, std::int64_t last_n = -1) {
  return {
      .multiplier = 1.0, .base = 2.0, .allowed_length = 2, .last_n = last_n, .breakers = breakers};
}

TEST(Dry, PenalizesWhatContinuedTheLongestMatch) {
  // The end 1 2 3 stood before 4, and 2 3 before 5; 3 alone before 6 is too short.
  const Ids ids = {1, 2, 3, 4, 0, 2, 3, 5, 3, 6, 1, 2, 3};
  std::vector<float> scores(8, 10.0f);
  penalize_continuation(rule(), ids, scores);
  EXPECT_THAT(scores, ElementsAre(10.0f, 10.0f, 10.0f, 10.0f, 8.0f, 9.0f, 10.0f, 10.0f));
}

TEST(Dry, DoesNotMatchOverABreaker) {
  const Ids ids = {1, 2, 3, 4, 1, 2, 3};
  std::vector<float> scores(8, 10.0f);
  penalize_continuation(rule(Ids{2}), ids, scores);
  EXPECT_THAT(scores, Each(10.0f));  // only 3 is left of the match
  penalize_continuation(rule(Ids{1}), ids, scores);
  EXPECT_EQ(scores[4], 9.0f);  // 2 3
  penalize_continuation(rule(Ids{4}), ids, scores);
  EXPECT_EQ(scores[4], 9.0f);  // breakers are not penalized
}

TEST(Dry, LooksAtTheLastTokensOnly) {
  const Ids ids = {1, 2, 3, 4, 1, 2, 3};
  std::vector<float> scores(8, 10.0f);
  penalize_continuation(rule({}, 4), ids, scores);
  EXPECT_THAT(scores, Each(10.0f));
  penalize_continuation(rule({}, 6), ids, scores);
  EXPECT_EQ(scores[4], 9.0f);
  penalize_continuation(rule({}, 0), Ids{}, scores);
}

TEST(Dry, StaysFiniteInLongRepetitions) {
  const Ids ids(1000, 1);
  std::vector<float> scores(2, 0.0f);
  DryRule hard = rule();
  hard.base = 1e10;
  penalize_continuation(hard, ids, scores);
  EXPECT_EQ(scores[1], std::numeric_limits<float>::lowest());
}

TEST(Xtc, IsDrawnWithItsProbabilityAndFollowsFromTheSeed) {
  GenerationConfig config;
  config.do_sample = true;
  config.xtc_probability = 0.3;
  int excluded = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    config.seed = seed;
    const auto scores_of = [&] {
      std::vector<float> scores = {2.0f, 1.9f, 1.0f};
      ProcessorList(config, {}).apply(Ids{0}, 1, scores);
      return scores;
    };
    const std::vector<float> scores = scores_of();
    EXPECT_EQ(scores, scores_of());
    excluded += scores[0] == kForbidden ? 1 : 0;
  }
  // Five standard deviations of 2000 draws with a probability of 0.3.
  EXPECT_NEAR(excluded, 600, 103);
}

}  // namespace
}  // namespace minimax::engine
