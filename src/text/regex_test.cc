// SPDX-License-Identifier: Apache-2.0
#include "text/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"

namespace minimax::text {
namespace {

std::string matches_of(std::string_view pattern, std::string_view text) {
  std::vector<Regex::Match> matches;
  StepBudget budget(static_cast<std::int64_t>(text.size()));
  Regex(pattern, "test").find_all(text, budget, matches);
  std::string shown;
  for (const Regex::Match& match : matches) {
    shown += std::to_string(match.begin) + "-" + std::to_string(match.end) + " ";
  }
  return shown;
}

TEST(Regex, LeavesOutEmptyMatchesRightBehindAMatch) {
  EXPECT_EQ(matches_of("x*", "axxb"), "0-0 1-3 4-4 ");
  EXPECT_EQ(matches_of("", "\u00E9"), "0-0 2-2 ");
}

TEST(Regex, SeesLineEndsAsOnigurumaDoes) {
  EXPECT_EQ(matches_of("^a", "a\na"), "0-1 2-3 ");
  EXPECT_EQ(matches_of("a$", "a\na"), "0-1 2-3 ");
  EXPECT_EQ(matches_of(".+", "a\nb"), "0-1 2-3 ");
}

TEST(Regex, LooksBehindTheStartOfTheSearch) { EXPECT_EQ(matches_of("(?<=a)a", "aaa"), "1-2 2-3 "); }

TEST(Regex, CountsTheMongolianVowelSeparatorAsNoSpace) {
  EXPECT_EQ(matches_of(R"(\s)", "\u180E \u3000"), "3-4 4-7 ");
  EXPECT_EQ(matches_of(R"([\s])", "\u180E \u3000"), "3-4 4-7 ");
}

TEST(TranslatePattern, LeavesOrdinaryPatternsAlone) {
  for (const char* pattern : {"abc", "[^a-z]+?", R"(\.\[\\)", "(?i:'s)|[]a]", "a{2,3}", "[^]]"}) {
    EXPECT_EQ(translate_pattern(pattern, "test"), pattern);
  }
}

TEST(TranslatePattern, AddsLaterCharactersToProperties) {
  EXPECT_THAT(translate_pattern(R"(\p{Lu})", "test"), testing::StartsWith(R"([\p{Lu}\x{)"));
  EXPECT_THAT(translate_pattern(R"([^\p{Lu}])", "test"), testing::StartsWith(R"([^\p{Lu}\x{)"));
  EXPECT_THAT(translate_pattern(R"(\P{Lu})", "test"), testing::StartsWith(R"([^\p{Lu}\x{)"));
  EXPECT_THAT(translate_pattern(R"(\p{Han})", "test"), testing::StartsWith(R"([\p{sc:Han}\x{)"));
}

TEST(TranslatePattern, RefusesWhatTheEnginesReadDifferently) {
  for (const char* pattern : {R"([\W])", R"([\P{L}])", R"(\p{Cn})", R"(\p{^L})", "[a[b]]", "[a&&b]",
                              "a{1,2}+", "[[:alpha:]]", R"(\pL)"}) {
    EXPECT_THROW(translate_pattern(pattern, "test"), Error) << pattern;
  }
}

}  // namespace
}  // namespace minimax::text
