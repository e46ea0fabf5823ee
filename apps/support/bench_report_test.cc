// SPDX-License-Identifier: Apache-2.0
#include "support/bench_report.h"

#include <gtest/gtest.h>

namespace minimax::apps {
namespace {

TEST(Median, IsTheMiddle) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median({5}), 5);
}

TEST(BenchReport, TakesTokensPerSecondFromTheMedian) {
  BenchReport report;
  report.arithmetic = PeakType::kInt8;
  report.results = {
      {.test = "pp4",
       .seconds = {2, 1, 4},
       .tokens = 4,
       .bytes = 10e9,
       .flops = 50e9,
       .roof = Roof{
           .read_gb_per_second = 10, .bfloat16_gflop_per_second = 50, .int8_gop_per_second = 100}}};
  const base::Json json = to_json(report);
  const base::Json& row = json.find("results")->array().front();
  EXPECT_EQ(row.find("test")->string(), "pp4");
  EXPECT_DOUBLE_EQ(row.find("tokens_per_second")->number(), 2);
  EXPECT_DOUBLE_EQ(row.find("min")->number(), 1);
  EXPECT_DOUBLE_EQ(row.find("max")->number(), 4);
  EXPECT_DOUBLE_EQ(row.find("gb_per_second")->number(), 5);
  EXPECT_DOUBLE_EQ(row.find("percent_of_read_bandwidth")->number(), 50);
  EXPECT_DOUBLE_EQ(row.find("percent_of_peak")->number(), 25);
}

TEST(BenchReport, HasNoSharesWhereTheMachineWasNotMeasured) {
  BenchReport report;
  report.results = {{.test = "tg@0x8", .seconds = {2}, .sequences = 8, .tokens = 64}};
  const base::Json json = to_json(report);
  const base::Json& row = json.find("results")->array().front();
  EXPECT_TRUE(row.find("percent_of_peak")->is_null());
  EXPECT_EQ(json.find("machine")->find("read_gb_per_second"), nullptr);
  EXPECT_NE(to_text(report).find("tg@0x8"), std::string::npos);
}

}  // namespace
}  // namespace minimax::apps
