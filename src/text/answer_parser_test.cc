// SPDX-License-Identifier: Apache-2.0
#include "text/answer_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace minimax::text {
namespace {

struct Answer {
  std::string reasoning;
  std::string content;
  std::vector<std::string> calls;  // name and arguments

  bool operator==(const Answer&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Answer& answer) {
  out << "reasoning [" << answer.reasoning << "] content [" << answer.content << "]";
  for (const std::string& call : answer.calls) {
    out << " call [" << call << "]";
  }
  return out;
}

void add(const std::vector<AnswerPiece>& pieces, Answer& answer) {
  for (const AnswerPiece& piece : pieces) {
    if (piece.kind == AnswerPiece::Kind::kReasoning) {
      answer.reasoning += piece.text;
    } else if (piece.kind == AnswerPiece::Kind::kContent) {
      answer.content += piece.text;
    } else if (piece.kind == AnswerPiece::Kind::kArguments) {
      ASSERT_EQ(piece.index, static_cast<std::int64_t>(answer.calls.size()) - 1);
      answer.calls.back() += piece.text;
    } else {
      EXPECT_EQ(piece.index, static_cast<std::int64_t>(answer.calls.size()));
      answer.calls.push_back(piece.name + piece.text);
    }
  }
}

Answer parse(const std::vector<std::string>& texts, const AnswerFormat& format) {
  AnswerParser parser(format);
  Answer answer;
  for (const std::string& text : texts) {
    add(parser.push(text), answer);
  }
  add(parser.finish(), answer);
  return answer;
}

constexpr AnswerFormat kWithTools = {.has_reasoning = true, .has_tool_calls = true};

struct Case {
  const char* text;
  Answer expected;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"", {}},
      {"Hello.", {"", "Hello.", {}}},
      {" \n Hello. \n", {"", " \n Hello. \n", {}}},
      {"<think>\nSo.\n</think>\n\nHello.", {"So.", "Hello.", {}}},
      {"\xEF\xBB\xBF\n<think>So.</think>Hello.", {"So.", "Hello.", {}}},
      {"\xEF\xBB\xBFHello.", {"", "\xEF\xBB\xBFHello.", {}}},
      {"<think>One <think>two</think> three</think> four",
       {"One <think>two", "three</think> four", {}}},
      {"<think>never closed </thin", {"never closed </thin", "", {}}},
      {"<think>  </think>", {}},
      {"Say <think>no</think>.", {"", "Say <think>no</think>.", {}}},
      {"<thin king", {"", "<thin king", {}}},
      {R"(<tool_calls>
{"name": "f", "arguments": {"a": 1}}
</tool_calls>)",
       {"", "", {R"(f{"a": 1})"}}},
      {R"(<think>T</think>
I look.

<tool_calls>
{"name": "f", "arguments": {"a": [1, {"b": "}]"}]}}
{"arguments": {"x": 12345678901234567890, "e": "\\"}, "name": "g"}
</tool_calls>
 Done.)",
       {"T",
        "I look.Done.",
        {R"(f{"a": [1, {"b": "}]"}]})", R"(g{"x": 12345678901234567890, "e": "\\"})"}}},
      {R"(<tool_calls>{"name": "f", "arguments": {"html": "</tool_calls>"}}</tool_calls>)",
       {"", "", {R"(f{"html": "</tool_calls>"})"}}},
      {R"(<tool_calls>{"name": "f"}{"name": "g", "arguments": "{\"a\": 1}"}</tool_calls>)",
       {"", "", {"f{}", R"(g{"a": 1})"}}},
      // What is no call comes back as text, with the mark where nothing in the block was one.
      {R"(A
<tool_calls>
{"name": "f", "arguments": {"a")",
       {"", "A\n<tool_calls>\n{\"name\": \"f\", \"arguments\": {\"a\"", {}}},
      {R"(<tool_calls>{"name": "f", "arguments": {"a": 01}}</tool_calls>)",
       {"", R"(<tool_calls>{"name": "f", "arguments": {"a": 01}}</tool_calls>)", {}}},
      {R"(<tool_calls>{"name": 1}</tool_calls>)",
       {"", R"(<tool_calls>{"name": 1}</tool_calls>)", {}}},
      {R"(<tool_calls>{"name": "f", "arguments": [1]}</tool_calls>)",
       {"", R"(<tool_calls>{"name": "f", "arguments": [1]}</tool_calls>)", {}}},
      {"<tool_calls>\ncall f</tool_calls>", {"", "<tool_calls>\ncall f</tool_calls>", {}}},
      {R"(<tool_calls>{"name": "f"}
{"name": "g", "argu)",
       {"", R"({"name": "g", "argu)", {"f{}"}}},
      {R"(<tool_calls>{"name": "f"}
</tool_ca)",
       {"", "", {"f{}"}}},
      {"<tool_calls></tool_calls>", {}},
      {"x <tool_call> y </tool_calls>", {"", "x <tool_call> y </tool_calls>", {}}},
      {"a < b <", {"", "a < b <", {}}},
      {"<<tool_calls>{\"name\": \"f\"}", {"", "<", {"f{}"}}},
      {R"(<tool_calls>{"name": "f"}</tool_calls><tool_calls>{"name": "g"}</tool_calls>)",
       {"", "", {"f{}", "g{}"}}},
  };
  return kCases;
}

TEST(AnswerParser, TakesAnswersApart) {
  for (const Case& each : cases()) {
    EXPECT_EQ(parse({each.text}, kWithTools), each.expected) << each.text;
  }
}

TEST(AnswerParser, GivesTheSameForEverySplitInTwoAndForSingleBytes) {
  for (const Case& each : cases()) {
    const std::string text = each.text;
    std::vector<std::string> bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
      EXPECT_EQ(parse({text.substr(0, i), text.substr(i)}, kWithTools), each.expected) << text << i;
      bytes.push_back(text.substr(i, 1));
    }
    EXPECT_EQ(parse(bytes, kWithTools), each.expected) << text;
  }
}

TEST(AnswerParser, GivesTheSameForRandomSplitsOfRandomAnswers) {
  const std::vector<std::string> parts = {"<think>",
                                          "</think>",
                                          "<tool_calls>",
                                          "</tool_calls>",
                                          "{",
                                          "}",
                                          R"({"name": "f"})",
                                          R"({"name": "g", "arguments": {"s": "<\"}"}})",
                                          " ",
                                          "\n",
                                          "text",
                                          "<",
                                          "\"",
                                          "\\",
                                          std::string(70, ' '),
                                          "\xEF\xBB\xBF"};
  std::mt19937 random(7);
  for (int trial = 0; trial < 3000; ++trial) {
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) {
      text += parts[random() % parts.size()];
    }
    std::vector<std::string> pieces;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t length = 1 + random() % 9;
      pieces.push_back(text.substr(begin, length));
      begin += length;
    }
    ASSERT_EQ(parse(pieces, kWithTools), parse({text}, kWithTools)) << text;
  }
}

TEST(AnswerParser, LeavesMarksAloneThatAreNotAskedFor) {
  const std::string text = R"(<think>T</think><tool_calls>{"name": "f"}</tool_calls>)";
  EXPECT_EQ(parse({text}, {.has_reasoning = false}), (Answer{"", text, {}}));
  EXPECT_EQ(parse({text}, {}), (Answer{"T", R"(<tool_calls>{"name": "f"}</tool_calls>)", {}}));
}

TEST(AnswerParser, DropsCallsAboveTheLimit) {
  const std::string text = R"(<tool_calls>{"name": "f"}{"name": "g"}</tool_calls> more)";
  EXPECT_EQ(parse({text}, {.has_tool_calls = true, .max_tool_calls = 1}),
            (Answer{"", "more", {"f{}"}}));
}

TEST(AnswerParser, GivesTextOutAsSoonAsItIsCertain) {
  AnswerParser parser(kWithTools);
  EXPECT_EQ(parser.push("<think>So"),
            (std::vector<AnswerPiece>{{AnswerPiece::Kind::kReasoning, "So"}}));
  EXPECT_TRUE(parser.is_reasoning());
  EXPECT_TRUE(parser.push("\n</think").empty());
  EXPECT_EQ(parser.push(">\n\nHel"),
            (std::vector<AnswerPiece>{{AnswerPiece::Kind::kContent, "Hel"}}));
  EXPECT_FALSE(parser.is_reasoning());
}

TEST(AnswerParser, NestsAsDeeplyAsTheAnswerSays) {
  const std::string deep =
      "<tool_calls>{\"name\": \"f\", \"arguments\": {\"a\": " + std::string(1000000, '[');
  EXPECT_EQ(parse({deep}, kWithTools).content, deep);
  EXPECT_EQ(parse({deep + std::string(1000000, ']') + "}}"}, kWithTools).calls.size(), 0U);
}

constexpr AnswerFormat kStreaming = {.has_tool_calls = true, .streams_arguments = true};

TEST(AnswerParser, GivesArgumentsOutAsTheyCome) {
  AnswerParser parser(kStreaming);
  EXPECT_TRUE(parser.push("<tool_calls>\n{\"name\": \"f\", \"argu").empty());
  const std::vector<AnswerPiece> first = parser.push("ments\": {\"a\": \"x}");
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].name, "f");
  EXPECT_EQ(first[0].text, "{\"a\": \"x}");
  const std::vector<AnswerPiece> second = parser.push("\"} }\n</tool_calls>");
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].kind, AnswerPiece::Kind::kArguments);
  EXPECT_EQ(second[0].text, "\"}");
  EXPECT_TRUE(parser.finish().empty());
  EXPECT_EQ(parser.tool_calls(), 1);
}

TEST(AnswerParser, GivesTheSameArgumentsHoweverTheyAreCut) {
  const std::string text = R"(<think>T</think><tool_calls>
{"name": "f", "arguments": {"a": "\"}{", "b": [1, {"c": 2}]}}
{ "name" : "g\u0041" , "arguments" : {} }
</tool_calls> Done.)";
  const Answer expected = {"T", "Done.", {R"(f{"a": "\"}{", "b": [1, {"c": 2}]})", "gA{}"}};
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> texts;
    for (std::size_t begin = 0; begin < text.size(); begin += texts.back().size()) {
      texts.push_back(text.substr(begin, 1 + random() % 12));
    }
    ASSERT_EQ(parse(texts, kStreaming), expected);
  }
  // What the length of the answer cuts off stays a call, whose arguments are closed.
  const std::string cut = text.substr(0, text.find("[1"));
  EXPECT_EQ(parse({cut}, kStreaming).calls, std::vector<std::string>{R"(f{"a": "\"}{"})"});
}

TEST(AnswerParser, StreamsWhatNobodyHeldToAForm) {
  const std::vector<Case> kCases = {
      // Other members of a call are dropped, other orders are waited for.
      {R"(Hm. <tool_calls>{"name": "f", "arguments": {"a": 1}, "id": "}{", "b": [{}]}
{"arguments": {"b": 2}, "name": "g"}{"name": "h"}</tool_calls> Done.)",
       {"", "Hm.Done.", {R"(f{"a": 1})", R"(g{"b": 2})", "h{}"}}},
      // A call stays one, with as much of its arguments as is JSON.
      {R"(<tool_calls>{"name": "f", "arguments": {"a": 01}}</tool_calls>)",
       {"", "1}}</tool_calls>", {R"(f{"a": 0})"}}},
      {R"(<tool_calls>{"name": "f", "arguments": {"a": "b)", {"", "", {R"(f{"a": "b"})"}}},
      {R"(<tool_calls>{"name": "f", "arguments": {"a")", {"", "", {"f{}"}}},
      {R"(<tool_calls>{"name": "f", "arguments": {}, "i)", {"", "", {"f{}"}}},
      {R"(<tool_calls>{"name": "f", "arguments": {} so)", {"", "so", {"f{}"}}},
      // What is no call is text.
      {R"(<tool_calls>{"name": "f", "arguments": [1]}</tool_calls>)",
       {"", R"(<tool_calls>{"name": "f", "arguments": [1]}</tool_calls>)", {}}},
      {R"(<tool_calls>{"name": "f", "argu)", {"", R"(<tool_calls>{"name": "f", "argu)", {}}},
  };
  for (const Case& each : kCases) {
    EXPECT_EQ(parse({each.text}, kStreaming), each.expected) << each.text;
    std::vector<std::string> bytes;
    for (const char c : std::string(each.text)) {
      bytes.emplace_back(1, c);
    }
    EXPECT_EQ(parse(bytes, kStreaming), each.expected) << each.text;
  }
}

TEST(AnswerParser, LooksForALongNameInLittleTime) {
  AnswerParser parser(kStreaming);
  parser.push("<tool_calls>{\"name\": \"");
  for (int i = 0; i < 50000; ++i) {  // of all that came, again and again, it would take minutes
    ASSERT_TRUE(parser.push("name ").empty());
  }
  EXPECT_EQ(parser.finish().size(), 1U);
}

}  // namespace
}  // namespace minimax::text
