// SPDX-License-Identifier: Apache-2.0
#include "text/stop_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "minimax/error.h"

namespace minimax::text {
namespace {

TEST(StopMatcher, HoldsBackWhatMayBecomeAStopString) {
  StopMatcher matcher({"</tool>"});
  EXPECT_EQ(matcher.push("yes </to"), "yes ");
  EXPECT_EQ(matcher.push("p> </tool"), "</top> ");
  EXPECT_FALSE(matcher.stopped());
  EXPECT_EQ(matcher.push(">never"), "");
  EXPECT_EQ(matcher.matched(), 0);
  EXPECT_EQ(matcher.push("more"), "");
  EXPECT_EQ(matcher.flush(), "");
}

TEST(StopMatcher, GivesBackWhatItHeldAtTheEnd) {
  StopMatcher matcher({"STOP"});
  EXPECT_EQ(matcher.push("a STO"), "a ");
  EXPECT_EQ(matcher.flush(), "STO");
}

TEST(StopMatcher, ShowsEverythingWithoutStopStrings) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.push("anything"), "anything");
  EXPECT_EQ(matcher.flush(), "");
}

TEST(StopMatcher, RefusesAnEmptyStopString) { EXPECT_THROW(StopMatcher({"a", ""}), Error); }

// What the matcher must do, said directly: the first byte at which some stop string is complete
// ends the text, before the longest such string.
std::string visible_prefix(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t longest = 0;
    for (const std::string& stop : stops) {
      if (std::string_view(text).substr(0, end).ends_with(stop)) {
        longest = std::max(longest, stop.size());
      }
    }
    if (longest > 0) {
      return text.substr(0, end - longest);
    }
  }
  return text;
}

TEST(StopMatcher, DoesNotDependOnHowTheTextIsCut) {
  std::mt19937 random(7);
  const auto random_text = [&](std::size_t length) {
    std::string text(length, 'a');
    std::generate(text.begin(), text.end(), [&] { return "ab"[random() % 2]; });
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> stops(1 + random() % 3);
    std::generate(stops.begin(), stops.end(), [&] { return random_text(2 + random() % 6); });
    const std::string text = random_text(40);
    const std::string expected = visible_prefix(text, stops);
    StopMatcher matcher(stops);
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t step = 1 + random() % 5;
      shown += matcher.push(std::string_view(text).substr(at, step));
      ASSERT_TRUE(expected.starts_with(shown)) << "showed a part of a stop string";
      at += step;
    }
    ASSERT_EQ(shown + matcher.flush(), expected);
  }
}

TEST(StopMatcher, TakesLinearTime) {
  StopMatcher matcher({std::string(100000, 'a') + "b"});
  std::string shown;
  for (int i = 0; i < 20; ++i) {
    shown += matcher.push(std::string(50000, 'a'));
  }
  EXPECT_EQ((shown + matcher.flush()).size(), 1000000u);
}

}  // namespace
}  // namespace minimax::text
