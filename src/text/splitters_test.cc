// SPDX-License-Identifier: Apache-2.0
// The hand-written splitters against the regular expressions that they stand for, run by PCRE2.
#include "text/splitters.h"

#include <gtest/gtest.h>

#include <random>

#include "text/regex.h"
#include "text/utf8.h"

namespace minimax::text {
namespace {

using Pieces = std::vector<std::string>;
using Splitter = void (*)(std::string_view, std::vector<std::string_view>&);

Pieces split(Splitter splitter, std::string_view text) {
  std::vector<std::string_view> pieces;
  splitter(text, pieces);
  return {pieces.begin(), pieces.end()};
}

Pieces split_by_regex(const Regex& regex, std::string_view text) {
  std::vector<Regex::Match> matches;
  StepBudget budget(static_cast<std::int64_t>(text.size()));
  regex.find_all(text, budget, matches);
  Pieces pieces;
  for (const Regex::Match& match : matches) {
    pieces.emplace_back(text.substr(static_cast<std::size_t>(match.begin),
                                    static_cast<std::size_t>(match.end - match.begin)));
  }
  return pieces;
}

// Short texts of characters that the rules tell apart, so that every neighbourhood comes up.
std::string random_text(std::mt19937& random) {
  static constexpr const char* kUnits[] = {
      "a",      "B",      "s",      "S",      "t",      "re",     "LL",         "'",      "\u017F",
      "\u00E9", "\u00C9", "\u01C5", "\u02B0", "\u3042", "\u4E2D", "\u0301",     "\u0903", "1",
      "2",      "\u0663", "\u00BD", " ",      " ",      "\t",     "\n",         "\r",     "\u00A0",
      "\u2003", "\u180E", "!",      ".",      "/",      "-",      "\U0001F600", "\u200D", "\u20AC"};
  std::string text;
  for (std::size_t left = 1 + random() % 12; left > 0; --left) {
    text += kUnits[random() % std::size(kUnits)];
  }
  return text;
}

void expect_agreement(Splitter splitter, std::string_view pattern, unsigned seed) {
  const Regex regex(pattern, "the pattern");
  std::mt19937 random(seed);
  for (int i = 0; i < 50000; ++i) {
    const std::string text = random_text(random);
    ASSERT_EQ(split(splitter, text), split_by_regex(regex, text)) << text;
  }
}

TEST(SplitGpt2, AgreesWithItsPattern) { expect_agreement(split_gpt2, kGpt2Pattern, 1); }

TEST(SplitO200k, AgreesWithItsPattern) { expect_agreement(split_o200k, kO200kPattern, 2); }

TEST(SplitGpt2, KeepsContractionsAndRunsApart) {
  EXPECT_EQ(split(split_gpt2, "I'll  say 123abc!\n\n"),
            (Pieces{"I", "'ll", " ", " say", " 123", "abc", "!", "\n\n"}));
}

TEST(SplitO200k, KeepsContractionsCaseAndThreeDigits) {
  EXPECT_EQ(split(split_o200k, "Don't HELLOworld 12345 a.b//\n  x"),
            (Pieces{"Don't", " HELLOworld", " ", "123", "45", " a", ".b", "//\n", " ", " x"}));
}

// Characters that came after Unicode 14 are in PCRE2 only by the translation of the pattern.
TEST(SplitO200k, KnowsTheLettersOfUnicode16) {
  const std::string text = "\U00010D50\U00010D70\U0001E030";  // Garay capital and small, Cyrillic
  EXPECT_EQ(split(split_o200k, text), Pieces{text});
  EXPECT_EQ(split_by_regex(Regex(kO200kPattern, "the pattern"), text), Pieces{text});
}

}  // namespace
}  // namespace minimax::text
