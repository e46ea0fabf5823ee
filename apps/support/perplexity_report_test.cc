// SPDX-License-Identifier: Apache-2.0
#include "support/perplexity_report.h"

#include <gtest/gtest.h>

#include <cmath>

namespace minimax::apps {
namespace {

PerplexityReport report_of(const std::vector<engine::TokenScore>& scores) {
  PerplexityReport report;
  report.model = "model";
  report.text = "text";
  report.nll = engine::mean_nll(scores);
  report.judged_tokens = static_cast<std::int64_t>(scores.size());
  return report;
}

const std::vector<engine::TokenScore> kScores = {
    {.nll = 1, .base_nll = 1, .kl = 0.5, .same_top = true},
    {.nll = 3, .base_nll = 2, .kl = 0.25, .same_top = false}};

TEST(PerplexityReport, HasAValueAndItsErrorAsJson) {
  const base::Json json = to_json(report_of(kScores));
  const base::Json& perplexity = *json.find("perplexity");
  EXPECT_DOUBLE_EQ(perplexity.find("value")->number(), std::exp(2.0));
  // Of two values, 1 and 3: variance 2, over 2.
  EXPECT_DOUBLE_EQ(perplexity.find("error")->number(), std::exp(2.0));
  EXPECT_EQ(json.find("base"), nullptr);
  EXPECT_TRUE(json.find("bos_token_id")->is_null());
}

TEST(PerplexityReport, HasTheDivergenceWhereThereIsABase) {
  PerplexityReport report = report_of(kScores);
  report.base = "other";
  report.divergence = engine::compare(kScores);
  const base::Json json = to_json(report);
  const base::Json& base = *json.find("base");
  EXPECT_EQ(base.find("name")->string(), "other");
  EXPECT_DOUBLE_EQ(base.find("top_token_agreement")->find("value")->number(), 0.5);
  EXPECT_DOUBLE_EQ(base.find("kl_divergence")->find("mean")->find("value")->number(), 0.375);
  EXPECT_DOUBLE_EQ(base.find("kl_divergence")->find("max")->number(), 0.5);
  EXPECT_DOUBLE_EQ(base.find("kl_divergence")->find("median")->number(), 0.375);
  EXPECT_DOUBLE_EQ(base.find("perplexity_ratio")->find("value")->number(), std::exp(0.5));
}

TEST(PerplexityReport, NamesBothModelsInText) {
  PerplexityReport report = report_of(kScores);
  EXPECT_EQ(to_text(report).find("against"), std::string::npos);
  report.base = "other";
  report.divergence = engine::compare(kScores);
  const std::string text = to_text(report);
  EXPECT_NE(text.find("against other"), std::string::npos);
  EXPECT_NE(text.find("KL divergence                    0.375000 +- 0.125000"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace minimax::apps
