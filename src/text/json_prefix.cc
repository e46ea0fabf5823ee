// SPDX-License-Identifier: Apache-2.0
#include "text/json_prefix.h"

namespace minimax::text {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return '0' <= c && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || ('a' <= c && c <= 'f') || ('A' <= c && c <= 'F'); }

}  // namespace

bool JsonPrefix::accept(char c) {
  if (!step(c)) {
    return false;
  }
  ++size_;
  note_safe();
  return true;
}

std::string JsonPrefix::closing() const { return safe_closing_; }

// Where all that is missing are quotes and brackets.
void JsonPrefix::note_safe() {
  const bool in_value = state_ == State::kString && !is_name_;
  const bool begins = state_ == State::kFirstName || state_ == State::kFirstValue;
  if (!in_value && !begins && state_ != State::kAfterValue && state_ != State::kComplete) {
    return;
  }
  safe_ = size_;
  safe_closing_ = in_value ? "\"" : "";
  safe_closing_.append(brackets_.rbegin(), brackets_.rend());
}

bool JsonPrefix::step(char c) {
  switch (state_) {
    case State::kString:
    case State::kEscape:
    case State::kHex:
      return step_string(c);
    case State::kLiteral:
      if (c != literal_.front()) {
        return false;
      }
      literal_.remove_prefix(1);
      if (literal_.empty()) {
        end_value();
      }
      return true;
    case State::kMinus:
    case State::kZero:
    case State::kDigits:
    case State::kPoint:
    case State::kFraction:
    case State::kExponent:
    case State::kExponentSign:
    case State::kExponentDigits:
      return step_number(c);
    case State::kComplete:
      return false;
    default:
      break;
  }
  return is_space(c) ? state_ != State::kStart : step_value(c);
}

// At a token of its own.
bool JsonPrefix::step_value(char c) {
  const bool may_begin = state_ == State::kValue || state_ == State::kFirstValue;
  const bool may_name = state_ == State::kName || state_ == State::kFirstName;
  const bool may_end = state_ == State::kAfterValue;
  if (c == '{' && (may_begin || state_ == State::kStart)) {
    return open('}', State::kFirstName);
  }
  if (c == '[' && may_begin) {
    return open(']', State::kFirstValue);
  }
  if ((c == '}' && (may_end || state_ == State::kFirstName)) ||
      (c == ']' && (may_end || state_ == State::kFirstValue))) {
    return close(c);
  }
  if (c == '"' && (may_begin || may_name)) {
    is_name_ = may_name;
    state_ = State::kString;
    return true;
  }
  if (c == ',' && may_end) {
    state_ = brackets_.back() == '}' ? State::kName : State::kValue;
    return true;
  }
  if (c == ':' && state_ == State::kColon) {
    state_ = State::kValue;
    return true;
  }
  if (!may_begin) {
    return false;
  }
  if (c == '-' || is_digit(c)) {
    state_ = c == '-' ? State::kMinus : c == '0' ? State::kZero : State::kDigits;
    return true;
  }
  for (const std::string_view literal : {"true", "false", "null"}) {
    if (c == literal.front()) {
      literal_ = literal.substr(1);
      state_ = State::kLiteral;
      return true;
    }
  }
  return false;
}

bool JsonPrefix::step_string(char c) {
  if (state_ == State::kEscape) {
    hex_digits_ = 4;
    const bool is_known = std::string_view("\"\\/bfnrtu").find(c) != std::string_view::npos;
    state_ = !is_known ? state_ : c == 'u' ? State::kHex : State::kString;
    return is_known;
  }
  if (state_ == State::kHex) {
    if (!is_hex(c)) {
      return false;
    }
    state_ = --hex_digits_ == 0 ? State::kString : State::kHex;
    return true;
  }
  if (static_cast<unsigned char>(c) < 0x20) {
    return false;
  }
  if (c == '\\') {
    state_ = State::kEscape;
  } else if (c == '"' && is_name_) {
    state_ = State::kColon;
  } else if (c == '"') {
    end_value();
  }
  return true;
}

bool JsonPrefix::step_number(char c) {
  const bool is_exponent = c == 'e' || c == 'E';
  switch (state_) {
    case State::kMinus:
      state_ = c == '0' ? State::kZero : State::kDigits;
      return is_digit(c);
    case State::kPoint:
      state_ = State::kFraction;
      return is_digit(c);
    case State::kExponent:
    case State::kExponentSign: {
      const bool is_sign = state_ == State::kExponent && (c == '+' || c == '-');
      state_ = is_sign ? State::kExponentSign : State::kExponentDigits;
      return is_sign || is_digit(c);
    }
    default:
      break;
  }
  if (is_digit(c) && state_ != State::kZero) {
    return true;
  }
  if (c == '.' && (state_ == State::kZero || state_ == State::kDigits)) {
    state_ = State::kPoint;
    return true;
  }
  if (is_exponent && state_ != State::kExponentDigits) {
    state_ = State::kExponent;
    return true;
  }
  end_value();  // the number ended before c
  note_safe();
  return step(c);
}

bool JsonPrefix::open(char closing, State next) {
  if (brackets_.size() == kMaxDepth) {
    return false;
  }
  brackets_ += closing;
  state_ = next;
  return true;
}

bool JsonPrefix::close(char bracket) {
  if (brackets_.back() != bracket) {
    return false;
  }
  brackets_.pop_back();
  end_value();
  return true;
}

void JsonPrefix::end_value() { state_ = brackets_.empty() ? State::kComplete : State::kAfterValue; }

}  // namespace minimax::text
