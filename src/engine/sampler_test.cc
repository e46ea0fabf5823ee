// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "minimax/error.h"

namespace minimax::engine {
namespace {

constexpr int kDraws = 20000;

GenerationConfig sampling() {
  GenerationConfig config;
  config.do_sample = true;
  config.seed = 7;
  return config;
}

// How often each token is drawn from `logits`, as a share.
std::map<std::int32_t, double> shares(const GenerationConfig& config,
                                      const std::vector<float>& logits) {
  Sampler sampler(config, {});
  std::map<std::int32_t, double> counts;
  for (int i = 0; i < kDraws; ++i) {
    std::vector<float> row = logits;
    counts[sampler.sample(row, {}, 0)] += 1.0 / kDraws;
  }
  return counts;
}

// Five standard deviations of a share near one half; the seed is fixed, so this cannot flicker.
constexpr double kShareTolerance = 5 * 0.5 / 141.0;

std::vector<float> log_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  logits.reserve(probabilities.size());
  for (const double p : probabilities) {
    logits.push_back(static_cast<float>(std::log(p)));
  }
  return logits;
}

TEST(Sampler, TakesTheLowestIdAmongEqualsWhenGreedy) {
  Sampler sampler(GenerationConfig{}, {});
  std::vector<float> logits = {1.0f, 3.0f, 3.0f, -1.0f};
  EXPECT_EQ(sampler.sample(logits, {}, 0), 1);
}

TEST(Sampler, DrawsFromTheSoftmaxAtTheTemperature) {
  const std::vector<float> logits = log_of({0.5, 0.3, 0.2});
  auto drawn = shares(sampling(), logits);
  EXPECT_NEAR(drawn[0], 0.5, kShareTolerance);
  EXPECT_NEAR(drawn[2], 0.2, kShareTolerance);
  GenerationConfig hot = sampling();
  hot.temperature = 2.0;
  const double total = std::sqrt(0.5) + std::sqrt(0.3) + std::sqrt(0.2);
  drawn = shares(hot, logits);
  EXPECT_NEAR(drawn[0], std::sqrt(0.5) / total, kShareTolerance);
}

TEST(Sampler, KeepsOnlyTheTopK) {
  GenerationConfig config = sampling();
  config.top_k = 2;
  auto drawn = shares(config, log_of({0.2, 0.5, 0.3}));
  EXPECT_EQ(drawn.count(0), 0u);
  EXPECT_NEAR(drawn[1], 0.5 / 0.8, kShareTolerance);
}

TEST(Sampler, KeepsTheSmallestSetThatReachesTopP) {
  GenerationConfig config = sampling();
  config.top_p = 0.6;
  auto drawn = shares(config, log_of({0.5, 0.3, 0.2}));
  EXPECT_EQ(drawn.size(), 2u);
  EXPECT_NEAR(drawn[0], 0.5 / 0.8, kShareTolerance);
  config.top_p = 1e-6;
  EXPECT_EQ(shares(config, log_of({0.5, 0.3, 0.2})).size(), 1u);
}

TEST(Sampler, DropsWhatIsBelowMinPOfTheBest) {
  GenerationConfig config = sampling();
  config.min_p = 0.5;
  auto drawn = shares(config, log_of({0.5, 0.3, 0.2}));
  EXPECT_EQ(drawn.size(), 2u);
  EXPECT_NEAR(drawn[1], 0.3 / 0.8, kShareTolerance);
}

TEST(Sampler, DrawsFromWhatUserDefinedProcessorsLeave) {
  const LogitsProcessor forbid_the_first = [](std::span<const std::int32_t>,
                                              std::span<float> scores) {
    scores[0] = -std::numeric_limits<float>::infinity();
  };
  Sampler sampler(sampling(), {}, {forbid_the_first});
  for (int i = 0; i < 100; ++i) {
    std::vector<float> row = log_of({0.98, 0.01, 0.01});
    EXPECT_NE(sampler.sample(row, {}, 0), 0);
  }
}

TEST(Sampler, TakesTheBestTokenAtTemperaturesNextToZero) {
  for (const double temperature : {0.0, 1e-300, 1e-15}) {
    GenerationConfig config = sampling();
    config.temperature = temperature;
    EXPECT_EQ(shares(config, {1.0f, 1.001f, -5.0f}).count(1), 1u) << temperature;
    EXPECT_EQ(shares(config, {1.0f, 1.001f, -5.0f}).size(), 1u) << temperature;
  }
}

TEST(Sampler, PenalizesEachTokenOfTheHistoryOnce) {
  GenerationConfig config;
  config.repetition_penalty = 2.0;
  Sampler sampler(config, {});
  const std::vector<std::int32_t> history = {0, 0, 0, 2};
  std::vector<float> logits = {4.0f, 2.5f, -1.0f};
  EXPECT_EQ(sampler.sample(logits, history, 0), 1);
  EXPECT_EQ(logits[0], 2.0f);
  EXPECT_EQ(logits[2], -2.0f);
}

TEST(Sampler, NeverChoosesWhatIsSuppressedOrTooEarlyAnEnd) {
  GenerationConfig config;
  config.eos_token_id = {1};
  config.min_new_tokens = 2;
  const std::vector<std::int32_t> suppressed = {0};
  Sampler sampler(config, suppressed);
  const std::vector<float> logits = {9.0f, 8.0f, 1.0f};
  std::vector<float> row = logits;
  EXPECT_EQ(sampler.sample(row, {}, 0), 2);
  row = logits;
  EXPECT_EQ(sampler.sample(row, {}, 2), 1);
}

TEST(Sampler, DrawsTheSameSharesFromCandidates) {
  const std::vector<float> wanted = log_of({0.5, 0.3, 0.15, 0.05});
  const std::vector<float> draft = log_of({0.1, 0.3, 0.2, 0.4});
  GenerationConfig config = sampling();
  Sampler sampler(config, {});
  config.seed = 8;
  Sampler drafts(config, {});
  std::map<std::int32_t, double> drawn;
  double kept = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    std::vector<float> row = draft;
    const std::int32_t candidate = drafts.sample(row, {}, 0);
    row = wanted;
    const std::int32_t token = sampler.sample(row, {}, 0, {candidate, draft});
    drawn[token] += 1.0 / kDraws;
    kept += token == candidate ? 1.0 / kDraws : 0.0;
  }
  EXPECT_NEAR(drawn[0], 0.5, kShareTolerance);
  EXPECT_NEAR(drawn[1], 0.3, kShareTolerance);
  EXPECT_NEAR(drawn[2], 0.15, kShareTolerance);
  EXPECT_NEAR(drawn[3], 0.05, kShareTolerance);
  EXPECT_NEAR(kept, 0.1 + 0.3 + 0.15 + 0.05, kShareTolerance);  // the most that is possible
}

TEST(Sampler, GivesTheSameTokensForTheSameSeed) {
  const std::vector<float> logits = log_of({0.25, 0.25, 0.25, 0.25});
  const auto draw = [&](std::uint64_t seed) {
    GenerationConfig config = sampling();
    config.seed = seed;
    Sampler sampler(config, {});
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < 50; ++i) {
      std::vector<float> row = logits;
      tokens.push_back(sampler.sample(row, {}, 0));
    }
    return tokens;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(Sampler, RefusesLogitsThatCannotBeUsed) {
  Sampler sampler(GenerationConfig{}, {});
  std::vector<float> broken = {1.0f, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THROW(sampler.sample(broken, {}, 0), Error);
  std::vector<float> excluded(2, -std::numeric_limits<float>::infinity());
  EXPECT_THROW(sampler.sample(excluded, {}, 0), Error);
}

}  // namespace
}  // namespace minimax::engine
