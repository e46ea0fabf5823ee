// SPDX-License-Identifier: Apache-2.0
#include "grammar/scanner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "grammar/code_points.h"

namespace minimax::grammar {
namespace {

constexpr std::int64_t kLargeNumber = std::int64_t{1} << 31;

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

bool Scanner::skip_if(char c) {
  const bool is_there = !at_end() && text_[offset_] == c;
  offset_ += is_there ? 1 : 0;
  return is_there;
}

char32_t Scanner::next() {
  if (at_end()) {
    fail_expected("a character");
  }
  const std::size_t begin = offset_;
  const char32_t value = next_code_point(text_, offset_);
  if (value == kInvalidCodePoint) {
    fail_at(begin, "not UTF-8");
  }
  return value;
}

std::int64_t Scanner::number() {
  const std::size_t begin = offset_;
  std::int64_t value = 0;
  while (peek() >= '0' && peek() <= '9') {
    value = std::min(kLargeNumber, value * 10 + (peek() - '0'));
    ++offset_;
  }
  if (offset_ == begin) {
    fail_expected("a number");
  }
  return value;
}

char32_t Scanner::hex_digits(int digits) {
  std::uint32_t value = 0;
  for (int i = 0; i < digits; ++i) {
    const int digit = hex_value(peek());
    if (digit < 0 || value > 0x0FFFFFFF) {
      fail_expected(fmt::format("{} hexadecimal digits", std::clamp(digits, 1, 8)));
    }
    value = value * 16 + static_cast<std::uint32_t>(digit);
    ++offset_;
  }
  return value;
}

char32_t Scanner::hex(int digits) {
  const std::size_t begin = offset_;
  const char32_t value = hex_digits(digits);
  if (digits == 0 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    fail_at(begin, fmt::format("U+{:04X} is not a character", static_cast<unsigned>(value)));
  }
  return value;
}

void Scanner::fail_at(std::size_t offset, const std::string& message) const {
  const std::string_view before = text_.substr(0, offset);
  const std::size_t line_begin =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::string where = positions_ == Positions::kLines
                                ? fmt::format("line {}, column {}", line, offset - line_begin + 1)
                                : fmt::format("column {}", offset + 1);
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}: {}", source_, where, message));
}

void Scanner::fail_expected(const std::string& what) const {
  const auto byte = static_cast<unsigned char>(peek());
  std::string found = "the end";
  if (!at_end() && byte >= 0x20 && byte < 0x7F) {
    found = fmt::format("'{}'", peek());
  } else if (!at_end()) {
    found = byte == '\n' ? "the end of the line" : fmt::format("the byte 0x{:02x}", byte);
  }
  fail(fmt::format("expected {}, found {}", what, found));
}

}  // namespace minimax::grammar
