// SPDX-License-Identifier: Apache-2.0
#include "grammar/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "grammar/testing.h"
#include "minimax/error.h"

namespace minimax::grammar {
namespace {

using testing::HasSubstr;

std::shared_ptr<const CompiledGrammar> regex(std::string_view pattern) {
  return compile(regex_grammar(pattern), shared_test_vocabulary());
}

std::string complaint(std::string_view pattern) {
  try {
    regex(pattern);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Regex, MatchesTheWholeText) {
  for (const char* pattern : {"ab+c?", "^ab+c?$", "^(?:ab+?c?)$", "(?<name>ab+)(c?)"}) {
    EXPECT_TRUE(matches(regex(pattern), "abbc")) << pattern;
    EXPECT_TRUE(matches(regex(pattern), "ab")) << pattern;
    EXPECT_FALSE(matches(regex(pattern), "xab")) << pattern;
    EXPECT_FALSE(matches(regex(pattern), "abcc")) << pattern;
  }
}

TEST(Regex, KnowsTheNamedSets) {
  EXPECT_TRUE(matches(regex(R"(\d\D\w\W\s\S)"), "0aZ-\t!"));
  EXPECT_FALSE(matches(regex(R"(\d)"), "a"));
  EXPECT_TRUE(matches(regex(R"([\d.\s-]+)"), "1. -2"));
  EXPECT_TRUE(matches(regex(R"([^\W_])"), "x"));
  EXPECT_FALSE(matches(regex(R"([^\W_])"), "_"));
  EXPECT_FALSE(matches(regex("."), "\n"));
  EXPECT_TRUE(matches(regex("."), "\u20ac"));
}

TEST(Regex, ReadsEscapes) {
  EXPECT_TRUE(matches(regex(R"(\x41\u00e4\u{1F600}\uD83D\uDE00\.\/\t\cA)"),
                      "A\u00e4\U0001F600\U0001F600./\t\x01"));
  EXPECT_TRUE(matches(regex(R"([\]\-\b])"), "\b"));
}

TEST(Regex, TakesBracesThatAreNoBoundsAsCharacters) {
  EXPECT_TRUE(matches(regex("{a}{2"), "{a}{2"));
  EXPECT_TRUE(matches(regex("a{2}"), "aa"));
  EXPECT_TRUE(matches(regex("a{2,}"), "aaaa"));
  EXPECT_FALSE(matches(regex("a{2,3}"), "aaaa"));
}

TEST(Regex, NamesThePlaceOfWhatIsWrong) {
  EXPECT_EQ(complaint("ab("), "regex: column 4: expected ')', found the end");
  EXPECT_THAT(complaint("a(?=b)"), HasSubstr("column 3: look-around"));
  EXPECT_THAT(complaint(R"((a)\1)"), HasSubstr("column 5: \\1 is not supported"));
  EXPECT_THAT(complaint(R"(\bword\b)"), HasSubstr("\\b is not supported"));
  EXPECT_THAT(complaint(R"(\p{L})"), HasSubstr("\\p is not supported"));
  EXPECT_THAT(complaint("(?i)a"), HasSubstr("flags"));
  EXPECT_THAT(complaint("a^b"), HasSubstr("'^' is only supported at the beginning"));
  EXPECT_THAT(complaint("(a$)"), HasSubstr("'$' is only supported at the end"));
  EXPECT_THAT(complaint("a**"), HasSubstr("something to repeat"));
  EXPECT_THAT(complaint("[a"), HasSubstr("found the end"));
  EXPECT_THAT(complaint("a)"), HasSubstr("expected the end"));
  EXPECT_THAT(complaint("a{1000000001}"), HasSubstr("repetitions"));
  EXPECT_THAT(complaint("[]"), HasSubstr("matches no text"));
  EXPECT_THAT(complaint(std::string(60'000, '(')), HasSubstr("128 groups"));
}

TEST(Regex, CompilesTheClassicOnesThatBlowUp) {
  EXPECT_TRUE(matches(regex("(a|a)*(a+)+$"), std::string(2000, 'a')));
  EXPECT_FALSE(matches(regex("(a+)+$"), std::string(2000, 'a') + "b"));
  EXPECT_TRUE(matches(regex("[ab]*a[ab]{40}"), std::string(500, 'a')));
  EXPECT_THROW(matches(regex("(((a{0,50}){0,50}){0,50}){0,50}"), std::string(3000, 'a')), Error);
}

}  // namespace
}  // namespace minimax::grammar
