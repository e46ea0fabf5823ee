// SPDX-License-Identifier: Apache-2.0
// What the goldens of transformers do not show: extremes, and ids at the edges.
#include "engine/logits_processors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace minimax::engine {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

using Ids = std::vector<std::int32_t>;

TEST(RepetitionPenalty, LeavesForbiddenScoresForbiddenAtEveryPenalty) {
  for (const double penalty : {1e-300, 1e-3, 2.0, 1e300}) {
    std::vector<float> scores = {kForbidden, 0.0f, 5.0f};
    penalize_repetition(penalty, Ids{0, 1}, scores);
    EXPECT_THAT(scores, ElementsAre(kForbidden, 0.0f, 5.0f)) << penalty;
  }
}

TEST(RepetitionPenalty, KeepsScoresFinite) {
  std::vector<float> scores = {5.0f};
  penalize_repetition(1e-300, Ids{0}, scores);
  EXPECT_EQ(scores[0], std::numeric_limits<float>::max());
}

TEST(RepetitionPenalty, CountsATokenOnce) {
  std::vector<float> scores = {4.0f, -1.0f};
  penalize_repetition(2.0, Ids{0, 1, 0, 1, 0}, scores);
  EXPECT_THAT(scores, ElementsAre(2.0f, -2.0f));
}

TEST(RepeatedNgrams, NeedsNoHistory) {
  std::vector<float> scores(4, 1.0f);
  for (const std::int64_t size : {1, 2, 1000}) {
    forbid_repeated_ngrams(size, {}, scores);
  }
  EXPECT_THAT(scores, Each(1.0f));
}

TEST(RepeatedNgrams, ForbidsEverySuccessorOfThePrefix) {
  std::vector<float> scores(6, 1.0f);
  forbid_repeated_ngrams(2, Ids{0, 1, 0, 5, 0}, scores);
  EXPECT_THAT(scores, ElementsAre(1.0f, kForbidden, 1.0f, 1.0f, 1.0f, kForbidden));
}

TEST(BadWords, LeavesAnEndTokenAlone) {
  std::vector<float> scores(4, 1.0f);
  forbid_bad_words({{2}, {3}}, Ids{2}, Ids{0}, scores);
  EXPECT_THAT(scores, ElementsAre(1.0f, 1.0f, 1.0f, kForbidden));
}

TEST(BadWords, ForbidsTheLastTokenOnlyBehindTheOthers) {
  const std::vector<Ids> words = {{0, 1, 2}};
  std::vector<float> scores(4, 1.0f);
  forbid_bad_words(words, {}, Ids{1, 0, 2}, scores);
  EXPECT_THAT(scores, Each(1.0f));
  forbid_bad_words(words, {}, Ids{3, 0, 1}, scores);
  EXPECT_THAT(scores, ElementsAre(1.0f, 1.0f, kForbidden, 1.0f));
}

}  // namespace
}  // namespace minimax::engine
