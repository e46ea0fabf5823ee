// SPDX-License-Identifier: Apache-2.0
#include "support/bench_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace minimax::apps {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LoadTimes, CompareTheMedianWithTheLink) {
  const LoadTimes times{.model = "m",
                        .weight_bytes = 40'000'000'000,
                        .seconds = {1.0, 4.0, 2.0},
                        .upload_gb_per_second = 50};
  EXPECT_DOUBLE_EQ(times.gb_per_second(), 20);
  EXPECT_DOUBLE_EQ(times.percent_of_upload(), 40);
  EXPECT_THAT(to_text(times), HasSubstr("20.0 GB/s, 40 % of a pinned copy at 50.0 GB/s"));
}

TEST(LoadTimes, SayNothingOfALinkWithoutAGpu) {
  const LoadTimes times{.model = "m", .weight_bytes = 1, .seconds = {1.0}};
  EXPECT_THAT(to_text(times), Not(HasSubstr("pinned")));
  EXPECT_EQ(to_json(times).find("percent_of_upload")->number(), 0);
}

TEST(TimeLoading, WarmsUpOnceAndHoldsOneModelAtATime) {
  int loads = 0;
  int held = 0;
  const LoadTimes times = time_loading(
      3,
      [&] {
        ++loads;
        EXPECT_EQ(++held, 1);
        return std::int64_t{7};
      },
      [&] { --held; });
  EXPECT_EQ(loads, 4);
  EXPECT_EQ(held, 0);
  EXPECT_EQ(times.seconds.size(), 3U);
  EXPECT_EQ(times.weight_bytes, 7);
}

}  // namespace
}  // namespace minimax::apps
