// SPDX-License-Identifier: Apache-2.0
// Takes the answer of a model apart into thoughts, text and calls of tools, in the format of
// MiniMax-M1: <think>...</think>, then text, then <tool_calls>, one JSON object per line and
// </tool_calls>. The marks are ordinary text of several tokens, so they are matched in the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_prefix.h"

namespace minimax::text {

struct AnswerPiece {
  enum class Kind { kReasoning, kContent, kToolCall, kArguments };

  Kind kind = Kind::kContent;
  std::string text = {};   // of a call: its arguments as JSON, or how they begin or go on
  std::string name = {};   // of a call
  std::int64_t index = 0;  // of a call: 0 for the first of the answer

  bool operator==(const AnswerPiece&) const = default;
};

struct AnswerFormat {
  bool has_reasoning = true;    // false: <think> is text
  bool has_tool_calls = false;  // false: <tool_calls> is text
  /// Calls above so many are dropped, with all that follows in their block.
  std::int64_t max_tool_calls = 128;
  /// A call whose object begins with its name and then an object of arguments is given out as soon
  /// as that is there, and its arguments as they come. Then it stays a call with arguments that are
  /// JSON, whatever follows: where they are cut off or go on as no JSON does, they are closed after
  /// the last value that stands, and the rest is text. Other members are dropped.
  bool streams_arguments = false;
};

/// How the answer is cut into pieces makes no difference to what all results together say, so
/// streamed and plain answers are the same by construction. The rules:
/// - Thoughts begin at <think>, which only a little white space or a byte order mark may precede,
///   and end at the first </think>. White space beside these marks is dropped.
/// - Calls may begin anywhere in the text that follows. White space around the block is dropped.
/// - Without streams_arguments, and where an object begins in another way, a call is given out once
///   its object is complete: with a "name" and "arguments" that are an object, a string that holds
///   one, or absent. The first thing in a block that is no such call makes the rest of the answer
///   text; where the block had no call, its opening mark is text, too.
/// Time is linear in the answer. Not thread safe.
class AnswerParser {
 public:
  explicit AnswerParser(const AnswerFormat& format = {});

  /// What is certain with `text`, which is whole UTF-8 characters. Neighbouring texts are joined.
  std::vector<AnswerPiece> push(std::string_view text);
  /// What was held back, at the end of the answer.
  std::vector<AnswerPiece> finish();

  /// Whether the answer is inside of thoughts.
  bool is_reasoning() const { return state_ == State::kReasoning; }
  std::int64_t tool_calls() const { return calls_; }

 private:
  enum class State {
    kStart,      // white space before <think> or the text
    kReasoning,  // between the marks
    kContent,    // text
    kBetween,    // white space behind a mark
    kBlock,      // between the calls of a block
    kObject,     // inside of the object of a call
    kArguments,  // inside of its arguments
    kCallEnd,    // behind them
    kCallRest,   // in other members of the call
    kPlain,      // text in which nothing is looked for any more
  };

  std::string_view rest() const { return std::string_view(held_).substr(begin_); }
  bool step();
  bool step_start();
  bool step_reasoning();
  bool step_content();
  bool step_between();
  bool step_block();
  bool step_object();
  bool step_arguments();
  bool step_call_end();
  bool step_call_rest();
  bool begin_arguments();
  void emit_arguments(std::string_view text);
  void begin_value(std::int64_t depth);
  bool scan_value();
  bool end_object(std::string_view object);
  bool give_up_block();
  void emit(AnswerPiece::Kind kind, std::string_view text);

  AnswerFormat format_;
  State state_ = State::kStart;
  std::string held_;  // from begin_ on: not decided yet
  std::size_t begin_ = 0;
  std::string block_;        // how the block began, until its first call
  std::size_t scanned_ = 0;  // bytes of an object
  std::int64_t depth_ = 0;   // brackets that are open in it
  bool in_string_ = false;
  bool is_escaped_ = false;
  bool skips_space_ = false;  // at the beginning of thoughts
  std::int64_t calls_ = 0;
  JsonPrefix arguments_;
  std::vector<AnswerPiece> pieces_;
};

}  // namespace minimax::text
