// SPDX-License-Identifier: Apache-2.0
#include "text/answer_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/json.h"
#include "minimax/error.h"

namespace minimax::text {
namespace {

using Kind = AnswerPiece::Kind;

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kEndThink = "</think>";
constexpr std::string_view kToolCalls = "<tool_calls>";
constexpr std::string_view kEndToolCalls = "</tool_calls>";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpace = " \t\r\n";
// White space that is held back before a mark. Bounded, so that looking at it again with every
// token stays cheap.
constexpr std::size_t kMaxHeldSpace = 64;
// Of what stands before the arguments of a call that are given out as they come, for the same
// reason.
constexpr std::size_t kMaxCallHead = 1024;

bool is_space(char c) { return kSpace.find(c) != std::string_view::npos; }

std::size_t leading_space(std::string_view text) {
  return std::min(text.find_first_not_of(kSpace), text.size());
}

// A prefix of `mark`, but not all of it.
bool may_become(std::string_view text, std::string_view mark) {
  return text.size() < mark.size() && mark.starts_with(text);
}

struct Search {
  std::size_t text_end = 0;  // what is before is text for certain
  std::size_t mark_end = 0;  // 0: the mark is not complete
};

// Looks for `mark` with the white space before it.
Search find_mark(std::string_view text, std::string_view mark) {
  std::size_t begin = text.find(mark);
  const bool is_complete = begin != std::string_view::npos;
  if (!is_complete) {
    begin = text.size() - std::min(text.size(), mark.size() - 1);
    while (!may_become(text.substr(begin), mark)) {
      ++begin;
    }
  }
  std::size_t end = begin;
  while (end > 0 && begin - end < kMaxHeldSpace && is_space(text[end - 1])) {
    --end;
  }
  return {.text_end = end, .mark_end = is_complete ? begin + mark.size() : 0};
}

// The text of the value of member `index` of a valid JSON object.
std::string_view member_text(std::string_view object, std::size_t index) {
  std::size_t begin = 0;
  std::size_t colons = 0;
  std::int64_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < object.size(); ++i) {
    const char c = object[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
      continue;
    }
    in_string = c == '"';
    depth += c == '{' || c == '[' ? 1 : 0;
    const bool ends_value = (c == ',' && depth == 1) || (c == '}' && depth == 1);
    depth -= c == '}' || c == ']' ? 1 : 0;
    if (c == ':' && depth == 1 && colons++ == index) {
      begin = i + 1;
    }
    if (ends_value && begin > 0) {
      const std::string_view value = object.substr(begin, i - begin);
      const std::size_t first = leading_space(value);
      return value.substr(first, value.find_last_not_of(kSpace) + 1 - first);
    }
  }
  return {};
}

// Text that a model wrote may well be no JSON.
std::optional<base::Json> parse_object(std::string_view text) {
  try {
    base::Json json = base::parse_json(text, "tool call");
    return json.is_object() ? std::optional(std::move(json)) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

// The arguments of a call as the model wrote them, or nothing where the object is no call.
std::optional<std::string> arguments_of(const base::Json& call, std::string_view text) {
  const auto& members = call.object();
  const auto it = std::ranges::find(members, "arguments", &base::JsonMember::first);
  if (it == members.end()) {
    return "{}";
  }
  if (it->second.is_object()) {
    return std::string(member_text(text, static_cast<std::size_t>(it - members.begin())));
  }
  if (it->second.is_string() && parse_object(it->second.string())) {
    return it->second.string();
  }
  return std::nullopt;
}

struct CallHead {
  std::string name;
  std::size_t size = 0;  // up to the object of the arguments
};

// Skips white space and then `token`. False where something else comes, or nothing yet.
bool skip(std::string_view token, std::string_view& text) {
  text.remove_prefix(leading_space(text));
  if (!text.starts_with(token)) {
    return false;
  }
  text.remove_prefix(token.size());
  return true;
}

// The string that begins at the front, with its quotes; nothing where it has no end yet.
std::string_view leading_string(std::string_view text) {
  for (std::size_t i = 1; text.starts_with('"') && i < text.size(); ++i) {
    if (text[i] == '"') {
      return text.substr(0, i + 1);
    }
    i += text[i] == '\\' ? 1U : 0U;
  }
  return {};
}

// {"name": "f", "arguments": {
std::optional<CallHead> read_call_head(std::string_view text) {
  std::string_view left = text;
  if (!skip("{", left) || !skip("\"name\"", left) || !skip(":", left)) {
    return std::nullopt;
  }
  left.remove_prefix(leading_space(left));
  const std::string_view quoted = leading_string(left);
  left.remove_prefix(quoted.size());
  if (quoted.size() <= 2 || !skip(",", left) || !skip("\"arguments\"", left) || !skip(":", left)) {
    return std::nullopt;
  }
  left.remove_prefix(leading_space(left));
  const std::optional<base::Json> name = parse_object(fmt::format("{{\"name\":{}}}", quoted));
  if (!left.starts_with('{') || !name) {
    return std::nullopt;
  }
  return CallHead{.name = name->find("name")->string(), .size = text.size() - left.size()};
}

}  // namespace

AnswerParser::AnswerParser(const AnswerFormat& format) : format_(format) {
  state_ = format.has_reasoning ? State::kStart : State::kContent;
}

std::vector<AnswerPiece> AnswerParser::push(std::string_view text) {
  held_ += text;
  while (step()) {
  }
  held_.erase(0, begin_);
  begin_ = 0;
  return std::exchange(pieces_, {});
}

std::vector<AnswerPiece> AnswerParser::finish() {
  const bool has_block = state_ == State::kBlock || state_ == State::kObject;
  if (state_ == State::kReasoning) {
    emit(Kind::kReasoning, rest());
  } else if (state_ == State::kArguments) {
    emit_arguments(arguments_.closing());
  } else if (has_block && !block_.empty()) {
    emit(Kind::kContent, block_);
    emit(Kind::kContent, rest());
  } else if (state_ != State::kBlock && state_ != State::kCallEnd && state_ != State::kCallRest) {
    emit(Kind::kContent, rest());  // otherwise, a part of a closing mark or of a call
  }
  held_.clear();
  block_.clear();
  state_ = State::kPlain;
  return std::exchange(pieces_, {});
}

// True where it got on, and false where it needs more text.
bool AnswerParser::step() {
  switch (state_) {
    case State::kStart:
      return step_start();
    case State::kReasoning:
      return step_reasoning();
    case State::kContent:
      return step_content();
    case State::kBetween:
      return step_between();
    case State::kBlock:
      return step_block();
    case State::kObject:
      return step_object();
    case State::kArguments:
      return step_arguments();
    case State::kCallEnd:
      return step_call_end();
    case State::kCallRest:
      return step_call_rest();
    case State::kPlain:
      break;
  }
  emit(Kind::kContent, rest());
  begin_ = held_.size();
  return false;
}

bool AnswerParser::step_start() {
  std::string_view text = rest();
  std::size_t space = leading_space(text);
  if (text.substr(space).starts_with(kByteOrderMark)) {
    space += kByteOrderMark.size();
    space += leading_space(text.substr(space));
  }
  text.remove_prefix(space);
  const bool fits = space <= kMaxHeldSpace;
  if (fits && text.starts_with(kThink)) {
    begin_ += space + kThink.size();
    skips_space_ = true;
    state_ = State::kReasoning;
  } else if (fits && (may_become(text, kThink) || may_become(text, kByteOrderMark))) {
    return false;
  } else {
    state_ = State::kContent;
  }
  return true;
}

bool AnswerParser::step_reasoning() {
  if (skips_space_) {
    begin_ += leading_space(rest());
    skips_space_ = rest().empty();
  }
  const Search found = find_mark(rest(), kEndThink);
  emit(Kind::kReasoning, rest().substr(0, found.text_end));
  begin_ += found.mark_end > 0 ? found.mark_end : found.text_end;
  if (found.mark_end == 0) {
    return false;
  }
  state_ = State::kBetween;
  return true;
}

bool AnswerParser::step_content() {
  if (!format_.has_tool_calls) {
    state_ = State::kPlain;
    return true;
  }
  const Search found = find_mark(rest(), kToolCalls);
  emit(Kind::kContent, rest().substr(0, found.text_end));
  if (found.mark_end == 0) {
    begin_ += found.text_end;
    return false;
  }
  block_ = rest().substr(found.text_end, found.mark_end - found.text_end);
  begin_ += found.mark_end;
  state_ = State::kBlock;
  return true;
}

bool AnswerParser::step_between() {
  begin_ += leading_space(rest());
  if (rest().empty()) {
    return false;
  }
  state_ = State::kContent;
  return true;
}

bool AnswerParser::step_block() {
  const std::size_t space = leading_space(rest());
  if (!block_.empty()) {
    block_ += rest().substr(0, space);
  }
  begin_ += space;
  if (rest().starts_with('{')) {
    begin_value(0);
    state_ = State::kObject;
    return true;
  }
  if (rest().starts_with(kEndToolCalls)) {
    begin_ += kEndToolCalls.size();
    block_.clear();
    state_ = State::kBetween;
    return true;
  }
  return may_become(rest(), kEndToolCalls) ? false : give_up_block();
}

// At a value, or within as many brackets as are open.
void AnswerParser::begin_value(std::int64_t depth) {
  scanned_ = 0;
  depth_ = depth;
  in_string_ = false;
  is_escaped_ = false;
}

// Goes on to the end of the brackets that are open. False where it has not come.
bool AnswerParser::scan_value() {
  const std::string_view text = rest();
  while (scanned_ < text.size()) {
    const char c = text[scanned_++];
    if (in_string_) {
      in_string_ = is_escaped_ || c != '"';
      is_escaped_ = !is_escaped_ && c == '\\';
      continue;
    }
    in_string_ = c == '"';
    depth_ += c == '{' || c == '[' ? 1 : 0;
    depth_ -= c == '}' || c == ']' ? 1 : 0;
    if (depth_ == 0) {
      return true;
    }
  }
  return false;
}

bool AnswerParser::step_object() {
  if (format_.streams_arguments && begin_arguments()) {
    return true;
  }
  return scan_value() && end_object(rest().substr(0, scanned_));
}

bool AnswerParser::begin_arguments() {
  const std::optional<CallHead> head = read_call_head(rest().substr(0, kMaxCallHead));
  if (!head || calls_ >= format_.max_tool_calls) {
    return false;
  }
  pieces_.push_back({.kind = Kind::kToolCall, .name = head->name, .index = calls_++});
  begin_ += head->size;
  block_.clear();
  arguments_ = JsonPrefix();
  scanned_ = 0;
  state_ = State::kArguments;
  return true;
}

// What is held begins where the arguments were safe last.
bool AnswerParser::step_arguments() {
  const std::string_view text = rest();
  const std::size_t before = arguments_.safe();
  while (scanned_ < text.size() && !arguments_.is_complete() && arguments_.accept(text[scanned_])) {
    ++scanned_;
  }
  const bool is_broken = scanned_ < text.size() && !arguments_.is_complete();
  const std::size_t safe = arguments_.safe() - before;
  emit_arguments(text.substr(0, safe));
  begin_ += safe;
  scanned_ -= safe;
  if (is_broken) {
    emit_arguments(arguments_.closing());
    state_ = State::kPlain;
  } else if (arguments_.is_complete()) {
    state_ = State::kCallEnd;
  }
  return state_ != State::kArguments;
}

void AnswerParser::emit_arguments(std::string_view text) {
  if (text.empty()) {
    return;
  }
  if (pieces_.empty() || pieces_.back().kind < Kind::kToolCall) {
    pieces_.push_back({.kind = Kind::kArguments, .index = calls_ - 1});
  }
  pieces_.back().text += text;
}

bool AnswerParser::step_call_end() {
  begin_ += leading_space(rest());
  if (rest().empty()) {
    return false;
  }
  const char next = rest().front();
  begin_ += next == '}' ? 1 : 0;
  if (next == ',') {
    begin_value(1);  // in the object of the call
    state_ = State::kCallRest;
  } else {
    state_ = next == '}' ? State::kBlock : State::kPlain;
  }
  return true;
}

bool AnswerParser::step_call_rest() {
  const bool is_complete = scan_value();
  begin_ += scanned_;
  scanned_ = 0;
  state_ = is_complete ? State::kBlock : state_;
  return is_complete;
}

bool AnswerParser::end_object(std::string_view object) {
  const std::optional<base::Json> call = parse_object(object);
  const base::Json* name = call ? call->find("name") : nullptr;
  if (name == nullptr || !name->is_string() || name->string().empty()) {
    return give_up_block();
  }
  std::optional<std::string> arguments = arguments_of(*call, object);
  if (!arguments) {
    return give_up_block();
  }
  if (calls_ < format_.max_tool_calls) {
    pieces_.push_back({.kind = Kind::kToolCall,
                       .text = *std::move(arguments),
                       .name = name->string(),
                       .index = calls_++});
  }
  begin_ += scanned_;
  block_.clear();
  state_ = State::kBlock;
  return true;
}

bool AnswerParser::give_up_block() {
  emit(Kind::kContent, block_);
  block_.clear();
  state_ = State::kPlain;
  return true;
}

void AnswerParser::emit(Kind kind, std::string_view text) {
  if (text.empty()) {
    return;
  }
  if (!pieces_.empty() && pieces_.back().kind == kind) {
    pieces_.back().text += text;
  } else {
    pieces_.push_back({.kind = kind, .text = std::string(text)});
  }
}

}  // namespace minimax::text
