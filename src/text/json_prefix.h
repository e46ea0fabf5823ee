// SPDX-License-Identifier: Apache-2.0
// A JSON object of which only a beginning has come: how much of it may be given out, so that
// whatever follows, or does not, closing it makes valid JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace minimax::text {

/// Reads bytes one by one (RFC 8259, up to kMaxDepth brackets). What is inside of the string of a
/// value can be given out at once; names of members, numbers and literals once they are complete
/// and a value begins.
class JsonPrefix {
 public:
  static constexpr std::size_t kMaxDepth = 256;

  /// The next byte. False where it cannot follow, or the object is complete; that is then the end.
  bool accept(char c);

  bool is_complete() const { return state_ == State::kComplete; }
  /// The bytes that may be given out, of all that were accepted.
  std::size_t safe() const { return safe_; }
  /// What makes valid JSON of the first safe() bytes.
  std::string closing() const;

 private:
  enum class State {
    kStart,
    kFirstName,  // or }
    kName,       // its opening quote
    kColon,
    kValue,
    kFirstValue,  // or ]
    kAfterValue,  // a comma or a closing bracket
    kString,
    kEscape,
    kHex,
    kLiteral,
    kMinus,
    kZero,
    kDigits,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
    kComplete,
  };

  bool step(char c);
  bool step_value(char c);
  bool step_string(char c);
  bool step_number(char c);
  bool open(char closing, State next);
  bool close(char bracket);
  void end_value();
  void note_safe();

  State state_ = State::kStart;
  std::string brackets_;      // that close those that are open
  std::string safe_closing_;  // of the first safe_ bytes
  bool is_name_ = false;      // the string
  int hex_digits_ = 0;        // that are missing
  std::string_view literal_;  // what is missing of it
  std::size_t size_ = 0;
  std::size_t safe_ = 0;
};

}  // namespace minimax::text
