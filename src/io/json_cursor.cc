// SPDX-License-Identifier: Apache-2.0
#include "io/json_cursor.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/file.h"

namespace minimax::io {
namespace {

constexpr std::size_t kShownBytes = 40;  // of the offending text in a message

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::uint32_t code_point, char*& out) {
  const auto put = [&out](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3f));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

}  // namespace

JsonCursor::JsonCursor(std::span<char> text, std::string source)
    : text_(text), source_(std::move(source)) {
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    refuse("expected UTF-8 text, found bytes that are not UTF-8");
  }
}

std::string_view JsonCursor::string() {
  skip_space();
  if (position_ >= text_.size() || text_[position_] != '"') {
    fail("a string");
  }
  ++position_;
  char* const begin = text_.data() + position_;
  char* out = begin;
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '"') {
      ++position_;
      return {begin, static_cast<std::size_t>(out - begin)};
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      fail("no control character inside a string");
    }
    if (c == '\\') {
      decode_escape(out);
    } else {
      *out++ = c;
      ++position_;
    }
  }
  fail("'\"' at the end of a string");
}

void JsonCursor::decode_escape(char*& out) {
  static constexpr std::string_view kLetters = "\"\\/bfnrt";
  static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const std::size_t letter =
      position_ + 1 < text_.size() ? kLetters.find(text_[position_ + 1]) : std::string_view::npos;
  if (letter != std::string_view::npos) {
    *out++ = kMeanings[letter];
    position_ += 2;
    return;
  }
  std::uint32_t code_point = hex4();
  if (code_point >= 0xd800 && code_point < 0xdc00) {
    const std::uint32_t low = hex4();
    if (low < 0xdc00 || low > 0xdfff) {
      refuse("expected a pair of surrogates in an escape, found half of one");
    }
    code_point = 0x10000 + ((code_point - 0xd800) << 10) + (low - 0xdc00);
  } else if (code_point >= 0xdc00 && code_point <= 0xdfff) {
    refuse("expected a pair of surrogates in an escape, found half of one");
  }
  append_utf8(code_point, out);
}

std::uint32_t JsonCursor::hex4() {
  std::uint32_t value = 0;
  if (position_ + 6 > text_.size() || text_[position_] != '\\' || text_[position_ + 1] != 'u') {
    fail("an escape sequence of JSON");
  }
  const char* const begin = text_.data() + position_ + 2;
  const auto [end, error] = std::from_chars(begin, begin + 4, value, 16);
  if (error != std::errc{} || end != begin + 4) {
    fail("four hexadecimal digits after \\u");
  }
  position_ += 6;
  return value;
}

std::int64_t JsonCursor::natural() {
  skip_space();
  const char* const begin = text_.data() + position_;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  const bool leading_zero = end - begin > 1 && *begin == '0';
  const bool continues =
      end != text_.data() + text_.size() && (*end == '.' || *end == 'e' || *end == 'E');
  if (error != std::errc{} || *begin == '-' || leading_zero || continues) {
    fail("an integer from 0 to 9223372036854775807");
  }
  position_ += static_cast<std::size_t>(end - begin);
  return value;
}

void JsonCursor::skip_value() {
  skip_space();
  if (++depth_ > kMaxDepth) {
    refuse(fmt::format("nested deeper than {} levels", kMaxDepth));
  }
  switch (position_ < text_.size() ? text_[position_] : '\0') {
    case '{':
      each_member([this](std::string_view) { skip_value(); });
      break;
    case '[':
      each_element([this] { skip_value(); });
      break;
    case '"':
      string();
      break;
    case 't':
      skip_word("true");
      break;
    case 'f':
      skip_word("false");
      break;
    case 'n':
      skip_word("null");
      break;
    default:
      skip_number();
  }
  --depth_;
}

std::size_t JsonCursor::skip_digits() {
  const std::size_t begin = position_;
  while (position_ < text_.size() && is_digit(text_[position_])) {
    ++position_;
  }
  return position_ - begin;
}

void JsonCursor::skip_number() {
  const auto take = [this](std::string_view any_of) {
    const bool found =
        position_ < text_.size() && any_of.find(text_[position_]) != std::string_view::npos;
    position_ += found ? 1 : 0;
    return found;
  };
  const std::size_t begin = position_;
  take("-");
  const bool leading_zero = position_ < text_.size() && text_[position_] == '0';
  const std::size_t digits = skip_digits();
  bool valid = digits == 1 || (digits > 1 && !leading_zero);
  if (take(".")) {
    valid = skip_digits() > 0 && valid;
  }
  if (take("eE")) {
    take("+-");
    valid = skip_digits() > 0 && valid;
  }
  if (!valid) {
    position_ = begin;
    fail("a JSON value");
  }
}

void JsonCursor::skip_word(std::string_view word) {
  if (std::string_view(text_.data(), text_.size()).substr(position_, word.size()) != word) {
    fail("a JSON value");
  }
  position_ += word.size();
}

void JsonCursor::expect_end(bool any_space) {
  if (any_space) {
    skip_space();
  }
  while (position_ < text_.size() && text_[position_] == ' ') {
    ++position_;
  }
  if (position_ < text_.size()) {
    fail(any_space ? "the end of the text" : "only spaces after the JSON value");
  }
}

void JsonCursor::skip_space() {
  while (position_ < text_.size() && is_space(text_[position_])) {
    ++position_;
  }
}

void JsonCursor::expect(char wanted, std::string_view description) {
  if (!consume(wanted)) {
    fail(description);
  }
}

bool JsonCursor::consume(char wanted) {
  skip_space();
  const bool found = position_ < text_.size() && text_[position_] == wanted;
  position_ += found ? 1 : 0;
  return found;
}

std::string JsonCursor::where() const {
  std::string text = source_;
  if (!subject_.empty()) {
    text += fmt::format(": \"{}\"", base::printable(subject_, 100));
  }
  if (!field_.empty()) {
    text += fmt::format(": {}", field_);
  }
  return text;
}

void JsonCursor::fail(std::string_view expected) const {
  const std::string_view rest =
      std::string_view(text_.data(), text_.size()).substr(std::min(position_, text_.size()));
  const std::string found =
      rest.empty() ? "the end of the text" : base::printable(rest.substr(0, kShownBytes));
  throw Error(ErrorCode::kCorruptFile,
              fmt::format("{}: expected {}, found {} at byte {} of the JSON", where(), expected,
                          found, position_));
}

void JsonCursor::refuse(std::string_view what) const {
  throw Error(ErrorCode::kCorruptFile, fmt::format("{}: {}", where(), what));
}

}  // namespace minimax::io
