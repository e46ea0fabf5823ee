// SPDX-License-Identifier: Apache-2.0
#include "grammar/matcher.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "grammar/gbnf.h"
#include "grammar/testing.h"
#include "minimax/error.h"

namespace minimax::grammar {
namespace {

TEST(Matcher, AcceptsExactlyTheLanguageOfTheGrammar) {
  const auto grammar = gbnf(R"(root ::= "a" ("b" | "c")* "d"?)");
  for (const char* text : {"a", "ab", "abcb", "ad", "abcd"}) {
    EXPECT_TRUE(matches(grammar, text)) << text;
  }
  for (const char* text : {"", "b", "abd ", "add", "aab"}) {
    EXPECT_FALSE(matches(grammar, text)) << text;
  }
}

TEST(Matcher, FollowsRecursionOfAnyDepth) {
  const auto grammar = gbnf(R"g(root ::= "(" root ")" | "[" root "]" | "x")g");
  std::string text = "x";
  for (int i = 0; i < 5000; ++i) {
    text.insert(0, i % 3 == 0 ? "[" : "(");
    text += i % 3 == 0 ? "]" : ")";
  }
  EXPECT_TRUE(matches(grammar, text));
  text[0] = text[0] == '(' ? '[' : '(';
  EXPECT_FALSE(matches(grammar, text));
}

TEST(Matcher, FollowsAmbiguousGrammarsWithoutMultiplyingTheirReadings) {
  const auto grammar = gbnf(R"(root ::= "a" root "b" | "a" root "c" | "a" root | "x")");
  EXPECT_TRUE(matches(grammar, std::string(300, 'a') + "x" + std::string(150, 'b') + "cc"));
  EXPECT_FALSE(matches(grammar, std::string(300, 'a') + "x" + std::string(301, 'b')));
}

TEST(Matcher, CountsLargeRepetitions) {
  const auto grammar = gbnf(R"(root ::= [a-z]{300,1000} ".")");
  EXPECT_FALSE(matches(grammar, std::string(299, 'q') + "."));
  EXPECT_TRUE(matches(grammar, std::string(300, 'q') + "."));
  EXPECT_TRUE(matches(grammar, std::string(1000, 'q') + "."));
  EXPECT_FALSE(matches(grammar, std::string(1001, 'q') + "."));
}

TEST(Matcher, CountsRepetitionsOfPartsThatMayBeEmpty) {
  const auto grammar = gbnf(R"(root ::= ("ab"? "c"?){400,500})");
  EXPECT_TRUE(matches(grammar, ""));
  EXPECT_TRUE(matches(grammar, "abcc"));
  std::string many;
  for (int i = 0; i < 500; ++i) {
    many += "abc";
  }
  EXPECT_TRUE(matches(grammar, many));
  EXPECT_FALSE(matches(grammar, many + "ab"));
}

TEST(Matcher, CountsAtLeastSoManyRepetitions) {
  const auto grammar = gbnf(R"(root ::= "ab"{700,} "x")");
  std::string text;
  for (int i = 0; i < 699; ++i) {
    text += "ab";
  }
  EXPECT_FALSE(matches(grammar, text + "x"));
  EXPECT_TRUE(matches(grammar, text + "abx"));
  EXPECT_TRUE(matches(grammar, text + text + "x"));
}

TEST(Matcher, SplitsCharactersBetweenTokens) {
  Matcher matcher(gbnf(R"(root ::= [\u00e4-\u00fc] "\u20ac")"));
  const std::string text = "\u00f6\u20ac";
  for (const char c : text) {
    EXPECT_FALSE(matcher.can_end());
    EXPECT_TRUE(matcher.accept(static_cast<unsigned char>(c)));
  }
  EXPECT_TRUE(matcher.can_end());
  EXPECT_TRUE(matcher.is_finished());
}

TEST(Matcher, MasksTheTokensThatMayComeNext) {
  Matcher matcher(gbnf(R"(root ::= "th" ("e" | "at"))"));
  EXPECT_EQ(allowed_tokens(matcher), (std::set<std::string>{"t", "th", "the", "that"}));
  ASSERT_TRUE(matcher.accept(token_of("th")));
  EXPECT_EQ(allowed_tokens(matcher), (std::set<std::string>{"e", "a", "at"}));
  ASSERT_TRUE(matcher.accept(token_of("e")));
  EXPECT_EQ(allowed_tokens(matcher), std::set<std::string>{"<end>"});
}

TEST(Matcher, MasksTokensThatGoOnBehindTheEndOfARule) {
  const auto grammar = gbnf(
      "root ::= word \" \" word\n"
      "word ::= [a-z] [a-z] [a-z]? [a-z]? [a-z]? [a-z]? [a-z]? [a-z]? [a-z]? [a-z]? [a-z]?\n");
  Matcher matcher(grammar);
  ASSERT_TRUE(matcher.accept_text("at"));
  EXPECT_TRUE(allowed_tokens(matcher).contains(" the"));
  EXPECT_TRUE(allowed_tokens(matcher).contains("the"));
  ASSERT_TRUE(matcher.accept_text(" at"));
  EXPECT_FALSE(allowed_tokens(matcher).contains(" the"));
  EXPECT_TRUE(allowed_tokens(matcher).contains("the"));
}

TEST(Matcher, MasksEachTokenAsIfItHadBeenTried) {
  for (const char* source :
       {R"g(root ::= "(" root ")" | [a-z]+ | root2 "!"
            root2 ::= ("a" | "th" "e"?){2,400})g",
        R"g(root ::= ([a-h]{3,900} " ")* "the")g", R"g(root ::= .{2,5} | "at" .*)g"}) {
    const auto grammar = gbnf(source);
    for (const char* text : {"", "(", "((a", "thethe", "abc", "abcdefgh", "a", "at"}) {
      Matcher matcher(grammar);
      if (matcher.accept_text(text)) {
        EXPECT_EQ(allowed_tokens(matcher), tokens_that_are_accepted(matcher)) << source << text;
      }
    }
  }
}

TEST(Matcher, NeverAllowsSpecialTokens) {
  Matcher matcher(gbnf("root ::= .*"));
  EXPECT_FALSE(allowed_tokens(matcher).contains("<special>"));
  EXPECT_FALSE(matcher.accept(token_of("<special>")));
  EXPECT_FALSE(matcher.accept(-1));
  EXPECT_FALSE(matcher.accept(1 << 20));
}

TEST(Matcher, AllowsOnlyTheEndAfterTheEnd) {
  Matcher matcher(gbnf("root ::= \"a\"*"));
  EXPECT_TRUE(matcher.can_end());
  EXPECT_FALSE(matcher.is_finished());
  ASSERT_TRUE(matcher.accept(token_of("<end>")));
  EXPECT_TRUE(matcher.is_finished());
  EXPECT_EQ(allowed_tokens(matcher), std::set<std::string>{"<end>"});
  EXPECT_FALSE(matcher.accept(token_of("a")));
}

TEST(Matcher, StaysWhereItIsWhenATokenIsRefused) {
  Matcher matcher(gbnf(R"(root ::= "the" | "that")"));
  ASSERT_TRUE(matcher.accept(token_of("th")));
  EXPECT_FALSE(matcher.accept(token_of("<end>")));
  EXPECT_FALSE(matcher.accept(token_of("th")));
  EXPECT_TRUE(matcher.accept(token_of("at")));
}

TEST(Matcher, CopiesGoTheirOwnWays) {
  Matcher matcher(gbnf(R"(root ::= "a" "b" | "a" "c")"));
  ASSERT_TRUE(matcher.accept_text("a"));
  Matcher copy = matcher;
  EXPECT_TRUE(copy.accept_text("b"));
  EXPECT_TRUE(copy.is_finished());
  EXPECT_TRUE(matcher.accept_text("c"));
}

TEST(Matcher, GoesOnWhenTheCacheIsBegunAnew) {
  const auto grammar =
      compile(parse_gbnf(R"g(root ::= "(" root ")" | [a-z]{400,600} | "[" [^\]]* "]")g"),
              shared_test_vocabulary(), {.cache_bytes = 20'000});
  Matcher matcher(grammar);
  Matcher waiting(grammar);
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(matcher.vocabulary().mask_words()));
  const std::string text = std::string(50, '(') + std::string(500, 'x') + std::string(50, ')');
  for (const char c : text) {
    matcher.fill_mask(mask);
    ASSERT_TRUE(matcher.accept(static_cast<unsigned char>(c)));
  }
  EXPECT_TRUE(matcher.is_finished());
  EXPECT_LT(grammar->bytes_used(), 200'000);
  EXPECT_TRUE(waiting.accept_text("[any]"));
  EXPECT_TRUE(waiting.is_finished());
}

TEST(Matcher, RefusesGrammarsThatAreTooAmbiguousToFollow) {
  const auto grammar = gbnf(R"(root ::= ("a" | "aa" | "aaa"){0,100000} "b")");
  Matcher matcher(grammar);
  EXPECT_THROW(matcher.accept_text(std::string(20'000, 'a')), Error);
  EXPECT_TRUE(matcher.accept_text("aab"));
}

TEST(Matcher, SaysWhereNoTokenFits) {
  const auto grammar =
      compile(parse_gbnf(R"(root ::= "z")"),
              std::make_shared<const Vocabulary>(VocabularyParts{
                  .tokens = {"a", "b", ""}, .end_tokens = {2}, .special_tokens = {}}));
  Matcher matcher(grammar);
  std::vector<std::uint32_t> mask(1);
  EXPECT_THROW(matcher.fill_mask(mask), Error);
}

}  // namespace
}  // namespace minimax::grammar
