// SPDX-License-Identifier: Apache-2.0
#include "grammar/gbnf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "grammar/testing.h"

namespace minimax::grammar {
namespace {

using testing::HasSubstr;

TEST(Gbnf, ReadsRulesCommentsAndLinesThatGoOn) {
  const auto grammar = gbnf(
      "# a list\n"
      "root ::= # of what\n"
      "  item (\n    \", \" item\n  )* |\n  \"none\"\n"
      "item ::= [0-9]+ # digits\n");
  EXPECT_TRUE(matches(grammar, "12, 3, 456"));
  EXPECT_TRUE(matches(grammar, "none"));
  EXPECT_FALSE(matches(grammar, "12, "));
}

TEST(Gbnf, ReadsEscapes) {
  const auto grammar = gbnf(R"(root ::= "\x41\u00e4\U0001F600\n\"\\" [\]\x5b] [^\n]?)");
  EXPECT_TRUE(matches(grammar, "A\u00e4\U0001F600\n\"\\]"));
  EXPECT_TRUE(matches(grammar, "A\u00e4\U0001F600\n\"\\[\t"));
  EXPECT_FALSE(matches(grammar, "A\u00e4\U0001F600\n\"\\[\n"));
  EXPECT_EQ(complaint_of_gbnf(R"(root ::= "\q")"),
            "grammar: line 1, column 12: unknown escape: expected one of n r t \\ \" [ ] x u U");
}

TEST(Gbnf, ReadsBoundsOfRepetitions) {
  const auto grammar = gbnf(R"(root ::= "a"{2} "b"{1,} "c"{,2} "de"{ 1 , 2 })");
  EXPECT_TRUE(matches(grammar, "aabde"));
  EXPECT_TRUE(matches(grammar, "aabbbccdede"));
  EXPECT_FALSE(matches(grammar, "abde"));
  EXPECT_FALSE(matches(grammar, "aade"));
  EXPECT_FALSE(matches(grammar, "aabcccde"));
  EXPECT_FALSE(matches(grammar, "aab"));
}

TEST(Gbnf, TakesCharactersNotBytes) {
  const auto grammar = gbnf("root ::= [^a] [\u00e0-\u00fd] .");
  EXPECT_TRUE(matches(grammar, "\u20ac\u00e9\U0001F600"));
  EXPECT_FALSE(matches(grammar, "a\u00e9x"));
  EXPECT_FALSE(matches(grammar, "\xC3\xA9\x80"));
  EXPECT_FALSE(matches(grammar, "b\u00e9\xED\xA0\x80"));  // a surrogate
}

TEST(Gbnf, NamesThePlaceOfWhatIsWrong) {
  EXPECT_THAT(complaint_of_gbnf("root ::= \"a\"\nb = \"c\""), HasSubstr("line 2, column 3"));
  EXPECT_THAT(complaint_of_gbnf("root ::= (\"a\""), HasSubstr("expected ')', found the end"));
  EXPECT_THAT(complaint_of_gbnf("root ::= a b\na ::= \"x\""),
              HasSubstr("line 1, column 12: rule \"b\" is not defined"));
  EXPECT_THAT(complaint_of_gbnf("a ::= \"x\""), HasSubstr("rule \"root\""));
  EXPECT_THAT(complaint_of_gbnf("root ::= \"x\"\nroot ::= \"y\""), HasSubstr("defined twice"));
  EXPECT_THAT(complaint_of_gbnf("root ::= <think>"), HasSubstr("tokens"));
  EXPECT_THAT(complaint_of_gbnf("root ::= [z-a]"), HasSubstr("ends before it begins"));
  EXPECT_THAT(complaint_of_gbnf("root ::= *"), HasSubstr("expected the end of the rule"));
  EXPECT_THAT(complaint_of_gbnf("root ::= \"\xFF\""), HasSubstr("not UTF-8"));
  EXPECT_THAT(complaint_of_gbnf(""), HasSubstr("root"));
}

TEST(Gbnf, RefusesWhatCannotBeRun) {
  EXPECT_THAT(complaint_of_gbnf("root ::= root \"a\" | \"a\""), HasSubstr("left recursive"));
  EXPECT_THAT(complaint_of_gbnf("root ::= a\na ::= b? c\nb ::= \"x\"\nc ::= root | \"y\""),
              HasSubstr("left recursive"));
  EXPECT_THAT(complaint_of_gbnf("root ::= \"a\" root"), HasSubstr("matches no text"));
  EXPECT_THAT(complaint_of_gbnf("root ::= []"), HasSubstr("matches no text"));
  EXPECT_THAT(complaint_of_gbnf("root ::= \"a\"{1,1000000000}"), HasSubstr("repetitions"));
}

TEST(Gbnf, TakesRepetitionsOfRepetitions) {
  const auto grammar = gbnf(R"(root ::= ("a"*)* (("b"?)+)* "c")");
  EXPECT_TRUE(matches(grammar, std::string(1000, 'a') + std::string(1000, 'b') + "c"));
  EXPECT_FALSE(matches(grammar, "bac"));
}

double seconds_for(const std::string& text) {
  const auto begin = std::chrono::steady_clock::now();
  complaint_of_gbnf(text);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The promise is one second; sanitizers are slower.
TEST(Gbnf, RefusesOrCompilesHostileGrammarsInTime) {
  constexpr double kLimit = 5.0;
  EXPECT_THAT(complaint_of_gbnf("root ::= " + std::string(60'000, '(')), HasSubstr("128 groups"));
  std::string chain = "root ::= r0\n";
  std::string letters = "root ::= ";
  for (int i = 0; i < 20'000; ++i) {
    chain += "r" + std::to_string(i) + " ::= r" + std::to_string(i + 1) + "?\n";
    letters += "\"" + std::to_string(i) + "\" | ";
  }
  EXPECT_LT(seconds_for(chain + "r20000 ::= \"x\""), kLimit);
  EXPECT_LT(seconds_for(letters + "\"x\""), kLimit);
  EXPECT_LT(seconds_for("root ::= " + std::string(200'000, '.')), kLimit);
  EXPECT_LT(seconds_for("root ::= ((((([a-z]{1,50}){1,50}){1,50}){1,50}){1,50}){1,50}"), kLimit);
  EXPECT_LT(seconds_for("root ::= [ab]* \"a\" [ab]{30} \"c\""), kLimit);
  std::string optional = "root ::= ";
  for (int i = 0; i < 3000; ++i) {
    optional += "\"a\"? ";
  }
  EXPECT_LT(seconds_for(optional), kLimit);
}

}  // namespace
}  // namespace minimax::grammar
