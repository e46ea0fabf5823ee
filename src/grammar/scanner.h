// SPDX-License-Identifier: Apache-2.0
// Reads a text character by character and says where a complaint belongs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace minimax::grammar {

enum class Positions { kLines, kColumns };  // "line 2, column 7" or "column 7"

class Scanner {
 public:
  Scanner(std::string_view text, std::string source, Positions positions)
      : text_(text), source_(std::move(source)), positions_(positions) {}

  bool at_end() const { return offset_ >= text_.size(); }
  /// The next byte, or 0 at the end.
  char peek() const { return at_end() ? '\0' : text_[offset_]; }
  bool starts_with(std::string_view prefix) const {
    return text_.substr(offset_).starts_with(prefix);
  }
  void skip(std::size_t bytes) { offset_ += bytes; }
  bool skip_if(char c);

  std::size_t offset() const { return offset_; }
  void set_offset(std::size_t offset) { offset_ = offset; }
  std::string_view from(std::size_t begin) const { return text_.substr(begin, offset_ - begin); }

  /// One character. Throws Error{kInvalidArgument} at the end, and for what is not UTF-8.
  char32_t next();
  /// A decimal number of at least one digit; large ones become 2^31.
  std::int64_t number();
  /// Exactly so many hexadecimal digits, as a Unicode scalar value.
  char32_t hex(int digits);
  /// Four hexadecimal digits, which may be one half of a character.
  char32_t hex_unit() { return hex_digits(4); }

  /// Throws: Error{kInvalidArgument} "source: line 2, column 7: message".
  [[noreturn]] void fail(const std::string& message) const { fail_at(offset_, message); }
  [[noreturn]] void fail_at(std::size_t offset, const std::string& message) const;
  /// As fail(): "expected `what`, found" what stands here.
  [[noreturn]] void fail_expected(const std::string& what) const;

 private:
  char32_t hex_digits(int digits);

  std::string_view text_;
  std::string source_;
  Positions positions_;
  std::size_t offset_ = 0;
};

}  // namespace minimax::grammar
