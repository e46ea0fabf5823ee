// SPDX-License-Identifier: Apache-2.0
#include "grammar/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>
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

/// A random expression over two letters, which knows by itself what it matches.
struct RandomRegex {
  std::string pattern;
  // Where a match that begins at a place of a text can end.
  std::function<std::set<std::size_t>(const std::string&, std::size_t)> ends;

  bool matches(const std::string& text) const { return ends(text, 0).contains(text.size()); }
};

RandomRegex random_letter(std::mt19937& random) {
  const char letter = "ab"[random() % 2];
  return {std::string(1, letter), [letter](const std::string& text, std::size_t at) {
            const bool is_there = at < text.size() && text[at] == letter;
            return is_there ? std::set<std::size_t>{at + 1} : std::set<std::size_t>{};
          }};
}

RandomRegex sequence(const RandomRegex& a, const RandomRegex& b) {
  return {a.pattern + b.pattern, [a, b](const std::string& text, std::size_t at) {
            std::set<std::size_t> result;
            for (const std::size_t middle : a.ends(text, at)) {
              result.merge(b.ends(text, middle));
            }
            return result;
          }};
}

RandomRegex choice(const RandomRegex& a, const RandomRegex& b) {
  return {"(" + a.pattern + "|" + b.pattern + ")", [a, b](const std::string& text, std::size_t at) {
            std::set<std::size_t> result = a.ends(text, at);
            result.merge(b.ends(text, at));
            return result;
          }};
}

RandomRegex repeated(const RandomRegex& a, int min, int max) {
  const std::string bounds = "{" + std::to_string(min) + "," + std::to_string(max) + "}";
  return {"(" + a.pattern + ")" + bounds, [a, min, max](const std::string& text, std::size_t at) {
            std::set<std::size_t> result;
            std::set<std::size_t> places = {at};
            for (int i = 0; i <= max && !places.empty(); ++i) {
              if (i >= min) {
                result.insert(places.begin(), places.end());
              }
              std::set<std::size_t> next;
              for (const std::size_t place : places) {
                next.merge(a.ends(text, place));
              }
              places = i > min && next == places ? std::set<std::size_t>() : next;
            }
            return result;
          }};
}

RandomRegex random_regex(std::mt19937& random, int depth) {
  if (depth == 0) {
    return random_letter(random);
  }
  const RandomRegex a = random_regex(random, depth - 1);
  const RandomRegex b = random_regex(random, depth - 1);
  const int min = static_cast<int>(random() % 3);
  switch (random() % 4) {
    case 0:
      return sequence(a, b);
    case 1:
      return choice(a, b);
    case 2:
      return repeated(a, min, 3);
    default:
      return repeated(a, min, 300);  // more than is unrolled: a counter takes its place
  }
}

TEST(Regex, AgreesWithTheDefinitionOnRandomExpressions) {
  std::mt19937 random(7);
  int matched = 0;
  for (int i = 0; i < 400; ++i) {
    const RandomRegex expression = random_regex(random, 3);
    const auto ours = regex(expression.pattern);
    for (int k = 0; k < 20; ++k) {
      std::string text;
      for (std::size_t length = random() % 8; length > 0; --length) {
        text += "ab"[random() % 2];
      }
      EXPECT_EQ(matches(ours, text), expression.matches(text)) << expression.pattern << " " << text;
      matched += expression.matches(text) ? 1 : 0;
    }
  }
  EXPECT_GT(matched, 300);
}

}  // namespace
}  // namespace minimax::grammar
