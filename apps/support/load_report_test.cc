// SPDX-License-Identifier: Apache-2.0
#include "support/load_report.h"

#include <gtest/gtest.h>

#include <numeric>

#include "minimax/error.h"

namespace minimax::apps {
namespace {

TEST(LoadReport, PercentilesAreValuesThatSoManyDoNotExceed) {
  std::vector<double> values(200);
  std::iota(values.rbegin(), values.rend(), 1.0);
  const Distribution found = distribution(values);
  EXPECT_EQ(found.p50, 100.0);
  EXPECT_EQ(found.p90, 180.0);
  EXPECT_EQ(found.p99, 198.0);
  EXPECT_EQ(found.max, 200.0);
  EXPECT_EQ(found.mean, 100.5);
  EXPECT_EQ(distribution({7.0}).p50, 7.0);
  EXPECT_EQ(distribution({}).max, 0.0);
}

TEST(LoadReport, CountsAnswersAndFailuresApart) {
  const std::vector<RequestTimes> requests = {
      {.begin = 1.0,
       .pieces = {1.5, 1.75, 2.5},
       .end = 3.0,
       .output_tokens = 3,
       .cached_tokens = 4},
      {.begin = 1.0, .pieces = {1.25}, .end = 9.0, .error = "status 503"},
      {.begin = 2.0, .pieces = {2.25}, .end = 5.0, .output_tokens = 1},
      {.begin = 2.0, .end = 2.0, .error = "status 503"}};
  const LoadReport report = summarize({.prompt_tokens = 10}, requests);
  EXPECT_EQ(report.completed, 2);
  EXPECT_EQ(report.failed, 2);
  EXPECT_EQ(report.errors, std::vector<std::string>{"status 503"});
  EXPECT_EQ(report.seconds, 8.0);
  EXPECT_EQ(report.prompt_tokens, 20);
  EXPECT_EQ(report.cached_tokens, 4);
  EXPECT_EQ(report.output_tokens, 4);
  EXPECT_EQ(report.time_to_first_token.max, 0.5);
  EXPECT_EQ(report.time_between_tokens.p50, 0.25);
  EXPECT_EQ(report.time_between_tokens.max, 0.75);
  EXPECT_EQ(report.latency.max, 3.0);
}

TEST(LoadTarget, ReadsUrls) {
  const LoadTarget plain = LoadTarget::from_url("http://127.0.0.1:8000/v1/");
  EXPECT_EQ(plain.host, "127.0.0.1");
  EXPECT_EQ(plain.port, "8000");
  EXPECT_EQ(LoadTarget::from_url("http://example").port, "80");
  const LoadTarget wide = LoadTarget::from_url("http://[::1]:9/");
  EXPECT_EQ(wide.host, "::1");
  EXPECT_EQ(wide.port, "9");
  for (const char* wrong :
       {"", "example", "https://example", "http://", "http://:80", "http://example:port",
        "http://example:", "http://example/else", "http://[::1", "http://example:123456"}) {
    EXPECT_THROW(static_cast<void>(LoadTarget::from_url(wrong)), Error) << wrong;
  }
}

}  // namespace
}  // namespace minimax::apps
