// SPDX-License-Identifier: Apache-2.0
#include "text/added_tokens.h"

#include <gtest/gtest.h>

#include <random>

namespace minimax::text {
namespace {

// The sections as text: tokens as (id), what lies between as it is.
std::string show(std::string_view text, const std::vector<TextSection>& sections) {
  std::string shown;
  for (const TextSection& section : sections) {
    shown += section.id >= 0
                 ? "(" + std::to_string(section.id) + ")"
                 : std::string(text.substr(static_cast<std::size_t>(section.begin),
                                           static_cast<std::size_t>(section.end - section.begin)));
    shown += '|';
  }
  return shown;
}

std::string split(const AddedTokens& tokens, std::string_view text, std::string_view marks = "",
                  bool uniform = true) {
  std::string bits(marks);
  for (char& mark : bits) {
    mark = static_cast<char>(mark == '1');
  }
  return show(text, tokens.split_raw(text, {.marks = bits, .uniform = uniform}));
}

AddedTokens special(const std::vector<std::string>& contents) {
  std::vector<AddedToken> tokens;
  tokens.reserve(contents.size());
  for (const std::string& content : contents) {
    tokens.push_back(
        {.id = static_cast<std::int32_t>(tokens.size()), .content = content, .special = true});
  }
  return AddedTokens(std::move(tokens), nullptr);
}

TEST(AddedTokens, TakesTheLongestOfTheLeftmost) {
  const AddedTokens tokens = special({"ab", "abcd", "bcde"});
  EXPECT_EQ(split(tokens, "xabcdex"), "x|(1)|ex|");
  EXPECT_EQ(split(tokens, "xabcex"), "x|(0)|cex|");
  EXPECT_EQ(split(tokens, "abab"), "(0)|(0)|");
  EXPECT_EQ(split(tokens, ""), "");
}

TEST(AddedTokens, PassesOverForbiddenOnes) {
  const AddedTokens tokens = special({"<a>", "<b>"});
  EXPECT_EQ(split(tokens, "<a>x<b>", "", false), "<a>x<b>|");
  EXPECT_EQ(split(tokens, "<a><b><a>", "111000111"), "(0)|<b>|(0)|");
}

TEST(AddedTokens, DoesNotSeeATokenThatIsPartlyForbidden) {
  const AddedTokens tokens = special({"<a>", "x<a>", "<a><b>", "<b>"});
  EXPECT_EQ(split(tokens, "x<a>", "0111"), "x|(0)|") << "text before cannot swallow a token";
  EXPECT_EQ(split(tokens, "<a><b>", "111000"), "(0)|<b>|") << "nor can text behind";
  EXPECT_EQ(split(tokens, "<a>", "110"), "<a>|");
}

TEST(AddedTokens, ForbidsOnlySpecialTokens) {
  const AddedTokens tokens({{.id = 5, .content = "<t>"}}, nullptr);
  EXPECT_EQ(split(tokens, "a<t>", "", false), "a|(5)|");
}

// A search at every place, as the rule says.
std::string split_by_definition(const std::vector<std::string>& contents, std::string_view text) {
  std::vector<TextSection> sections;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    int best = -1;
    for (std::size_t i = 0; i < contents.size(); ++i) {
      const bool matches = text.substr(at).starts_with(contents[i]);
      if (matches &&
          (best < 0 || contents[i].size() > contents[static_cast<std::size_t>(best)].size())) {
        best = static_cast<int>(i);
      }
    }
    if (best < 0) {
      ++at;
      continue;
    }
    if (at > done) {
      sections.push_back({static_cast<std::int64_t>(done), static_cast<std::int64_t>(at), -1});
    }
    at += contents[static_cast<std::size_t>(best)].size();
    done = at;
    sections.push_back({0, 0, best});
  }
  if (done < text.size()) {
    sections.push_back(
        {static_cast<std::int64_t>(done), static_cast<std::int64_t>(text.size()), -1});
  }
  return show(text, sections);
}

TEST(AddedTokens, AgreesWithASearchAtEveryPlace) {
  std::mt19937 random(11);
  const auto word = [&](std::size_t length) {
    std::string text(length, 'a');
    for (char& c : text) {
      c = "ab"[random() % 2];
    }
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> contents;
    while (contents.size() < 1 + random() % 5) {
      const std::string content = word(1 + random() % 6);
      if (std::find(contents.begin(), contents.end(), content) == contents.end()) {
        contents.push_back(content);
      }
    }
    const std::string text = word(30);
    ASSERT_EQ(split(special(contents), text), split_by_definition(contents, text));
  }
}

}  // namespace
}  // namespace minimax::text
