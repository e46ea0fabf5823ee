// SPDX-License-Identifier: Apache-2.0
#include "support/label_scores.h"

#include <gtest/gtest.h>

#include <cmath>

namespace minimax::apps {
namespace {

constexpr double kTolerance = 1e-6;  // logits are float32

MiniMaxConfig with_labels(std::size_t count) {
  MiniMaxConfig config;
  config.id2label.assign(count, "label");
  return config;
}

TEST(LabelScores, FollowTheProblem) {
  const std::vector<float> logits = {0, std::log(3.0F)};
  MiniMaxConfig config = with_labels(2);
  EXPECT_NEAR(label_scores(config, logits)[1], 0.75, kTolerance);
  config.problem_type = ProblemType::kMultiLabelClassification;
  EXPECT_NEAR(label_scores(config, logits)[0], 0.5, kTolerance);
  EXPECT_NEAR(label_scores(config, logits)[1], 0.75, kTolerance);
  config.problem_type = ProblemType::kRegression;
  EXPECT_EQ(label_scores(config, logits)[1], double{logits[1]});
  EXPECT_EQ(label_scores(with_labels(1), std::vector<float>{-4})[0], -4);
}

TEST(BestSpans, AreShortEnoughAndInOrder) {
  const std::vector<float> start = {5, 0, 0, 0, 4.5F};
  const std::vector<float> end = {0, 1, 0, 5, 2};
  const std::vector<AnswerSpan> spans = best_spans(start, end, 3, 3);
  ASSERT_EQ(spans.size(), 3U);
  // From 0 to 3 would score highest, and is too long; so is the end at 3 before the start at 4.
  EXPECT_EQ(spans[0].begin, 4U);
  EXPECT_EQ(spans[0].end, 5U);
  EXPECT_EQ(spans[1].begin, 0U);
  EXPECT_EQ(spans[1].end, 2U);
  EXPECT_GT(spans[0].score, spans[1].score);
  EXPECT_GT(spans[1].score, spans[2].score);
}

TEST(BestSpans, PrefersTheFirstOfEqualScores) {
  const std::vector<float> flat(4);
  const std::vector<AnswerSpan> spans = best_spans(flat, flat, 2, 2);
  EXPECT_EQ(spans[0].begin, 0U);
  EXPECT_EQ(spans[0].end, 1U);
  EXPECT_EQ(spans[1].begin, 0U);
  EXPECT_EQ(spans[1].end, 2U);
}

TEST(BestSpans, OfNothingAreNone) { EXPECT_TRUE(best_spans({}, {}, 3, 1).empty()); }

TEST(BestSpans, AreAsManyAsThereAre) {
  EXPECT_EQ(best_spans(std::vector<float>{1, 2}, std::vector<float>{1, 2}, 5, 9).size(), 3U);
}

}  // namespace
}  // namespace minimax::apps
