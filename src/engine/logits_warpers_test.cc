// SPDX-License-Identifier: Apache-2.0
// What the goldens of transformers do not show: extremes, min_tokens_to_keep and large
// vocabularies.
#include "engine/logits_warpers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "engine/logits_processors.h"

namespace minimax::engine {
namespace {

using ::testing::ElementsAre;

std::vector<std::int32_t> kept(const std::vector<float>& scores) {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 0; id < scores.size(); ++id) {
    if (scores[id] != kForbidden) {
      ids.push_back(static_cast<std::int32_t>(id));
    }
  }
  return ids;
}

std::vector<float> log_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  logits.reserve(probabilities.size());
  for (const double p : probabilities) {
    logits.push_back(static_cast<float>(std::log(p)));
  }
  return logits;
}

TEST(LogSumExp, NeitherOverflowsNorCountsTheForbidden) {
  const std::vector<float> scores = {1000.0f, kForbidden, 1000.0f};
  EXPECT_DOUBLE_EQ(log_sum_exp(scores), 1000.0 + std::log(2.0));
}

TEST(Temperature, NeverMakesANan) {
  for (const double temperature : {1e-300, 1e-20, 1.5, 1e300}) {
    std::vector<float> scores = {kForbidden, 0.0f, 50.0f, -50.0f};
    divide_by_temperature(temperature, scores);
    EXPECT_EQ(scores[0], kForbidden) << temperature;
    EXPECT_EQ(scores[1], 0.0f);
    EXPECT_GT(scores[2], 0.0f);
    EXPECT_TRUE(std::isfinite(scores[2]));
    EXPECT_LT(scores[3], 0.0f);
  }
}

void keep_top_1(double /*limit*/, std::int64_t min_tokens_to_keep, std::span<float> scores) {
  keep_top_k(1, min_tokens_to_keep, scores);
}

// By its limit alone, each filter would keep one of these tokens.
TEST(Filters, KeepAsManyTokensAsTheyAreToldTo) {
  const std::vector<float> logits = log_of({0.1, 0.4, 0.2, 0.3});
  const auto kept_by = [&](auto filter, double limit) {
    std::vector<float> scores = logits;
    filter(limit, 3, scores);
    return kept(scores);
  };
  EXPECT_THAT(kept_by(keep_top_1, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(kept_by(keep_top_p, 0.01), ElementsAre(1, 2, 3));
  EXPECT_THAT(kept_by(keep_min_p, 1.0), ElementsAre(1, 2, 3));
  EXPECT_THAT(kept_by(cut_epsilon, 0.9), ElementsAre(1, 2, 3));
  EXPECT_THAT(kept_by(cut_eta, 0.99), ElementsAre(1, 2, 3));
  // The entropy is 1.28; the surprises are 2.30, 0.92, 1.61 and 1.20.
  EXPECT_THAT(kept_by(keep_typical, 0.01), ElementsAre(1, 2, 3));
}

TEST(Filters, KeepEverythingWhereMoreIsAskedForThanThereIs) {
  for (const auto filter : {keep_top_p, keep_min_p, keep_typical, cut_epsilon, cut_eta}) {
    std::vector<float> scores = log_of({0.7, 0.2, 0.1});
    filter(0.5, 10, scores);
    EXPECT_THAT(kept(scores), ElementsAre(0, 1, 2));
  }
}

TEST(TopP, KeepsTheHigherIdsOfEqualScores) {
  std::vector<float> scores(8, 0.0f);
  keep_top_p(0.3, 1, scores);
  EXPECT_THAT(kept(scores), ElementsAre(5, 6, 7));
}

// Filters order a large vocabulary piece by piece; a whole sort must agree.
TEST(TopP, AgreesWithAWholeSortOfALargeVocabulary) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0f, 0.5f);
  std::vector<float> logits(20001);
  std::generate(logits.begin(), logits.end(), [&] { return normal(random); });
  std::vector<float> sorted = logits;
  std::sort(sorted.rbegin(), sorted.rend());
  const double total = log_sum_exp(logits);
  for (const double top_p : {0.001, 0.05, 0.4, 0.95}) {
    double passed = 0.0;
    std::size_t count = 0;
    while (passed < top_p) {
      passed += std::exp(double{sorted[count++]} - total);
    }
    std::vector<float> scores = logits;
    keep_top_p(top_p, 1, scores);
    EXPECT_EQ(kept(scores).size(), count) << top_p;
    EXPECT_EQ(std::count_if(scores.begin(), scores.end(),
                            [&](float score) { return score >= sorted[count - 1]; }),
              static_cast<std::int64_t>(count));
  }
}

// The definition: sort, and keep until the probability is reached.
std::vector<std::int32_t> kept_by_sorting(double top_p, std::int64_t min_tokens_to_keep,
                                          const std::vector<float>& scores) {
  std::vector<std::int32_t> ids = kept(scores);
  std::ranges::sort(ids, [&](std::int32_t a, std::int32_t b) {
    const auto score = [&](std::int32_t id) { return scores[static_cast<std::size_t>(id)]; };
    return score(a) != score(b) ? score(a) > score(b) : a > b;
  });
  const double total = log_sum_exp(scores);
  double passed = 0.0;
  std::vector<std::int32_t> result;
  for (const std::int32_t id : ids) {
    if (passed >= top_p && std::ssize(result) >= min_tokens_to_keep) {
      break;
    }
    passed += std::exp(double{scores[static_cast<std::size_t>(id)]} - total);
    result.push_back(id);
  }
  std::ranges::sort(result);
  return result;
}

TEST(TopP, KeepsWhatSortingWouldKeep) {
  std::mt19937 random(3);
  for (const float width : {0.01f, 1.0f, 8.0f, 60.0f}) {
    for (const double top_p : {0.05, 0.5, 0.9, 0.999}) {
      for (const std::int64_t least : {1, 7}) {
        std::vector<float> scores(3000);
        std::ranges::generate(scores,
                              [&] { return std::normal_distribution<float>(0.0f, width)(random); });
        scores[5] = kForbidden;
        scores[100] = scores[200];
        const std::vector<std::int32_t> expected = kept_by_sorting(top_p, least, scores);
        keep_top_p(top_p, least, scores);
        EXPECT_EQ(kept(scores), expected) << width << " " << top_p << " " << least;
      }
    }
  }
}

TEST(TopChoices, LeaveTheLeastProbableOfThem) {
  std::vector<float> scores = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
  const std::vector<float> before = scores;
  exclude_top_choices(0.1, scores);
  EXPECT_THAT(scores, ElementsAre(kForbidden, kForbidden, before[2], before[3]));
  scores = before;
  exclude_top_choices(0.4, scores);
  EXPECT_EQ(scores, before);  // a single top choice stays
  exclude_top_choices(0.9, scores);
  EXPECT_EQ(scores, before);
}

}  // namespace
}  // namespace minimax::engine
