// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "minimax/error.h"
#include "text/jinja/unicode.h"
#include "text/utf8.h"

namespace minimax::text::jinja {
namespace {

constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                           "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                           ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Every kind of line end becomes \n, and one at the very end goes.
std::string normalize_lines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') {
      ++i;
    }
  }
  if (out.ends_with('\n')) {
    out.pop_back();
  }
  return out;
}

int hex_digit(char c) {
  if (is_ascii_digit(c)) {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The length of digits with single underscores between them, at the start of `text`.
std::size_t digits_length(std::string_view text, int base) {
  std::size_t length = 0;
  while (length < text.size()) {
    const std::size_t digit = text[length] == '_' && length > 0 ? length + 1 : length;
    const int value = digit < text.size() ? hex_digit(text[digit]) : -1;
    if (value < 0 || value >= base) {
      break;
    }
    length = digit + 1;
  }
  return length;
}

// The length of ".digits" and an exponent behind an integer, or 0 where it is no float.
std::size_t fraction_length(std::string_view text) {
  std::size_t length = 0;
  if (text.starts_with('.')) {
    const std::size_t digits = digits_length(text.substr(1), 10);
    length = digits > 0 ? 1 + digits : 0;
  }
  const std::string_view rest = text.substr(length);
  if (!rest.empty() && (rest[0] == 'e' || rest[0] == 'E')) {
    const std::size_t sign = rest.size() > 1 && (rest[1] == '+' || rest[1] == '-') ? 1 : 0;
    const std::size_t digits = digits_length(rest.substr(1 + sign), 10);
    length += digits > 0 ? 1 + sign + digits : 0;
  }
  return length;
}

// Appends the character of a numeric escape; `digits` are all hexadecimal or all octal.
void append_numeric(std::string_view digits, int base, int line, std::string& out) {
  char32_t value = 0;
  for (const char c : digits) {
    value = value * static_cast<char32_t>(base) + static_cast<char32_t>(hex_digit(c));
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    fail_syntax(line, "a string escape is no Unicode character");
  }
  append_utf8(value, out);
}

// The character behind the backslash and what belongs to it. Gives the number of bytes read.
std::size_t decode_escape(std::string_view rest, int line, std::string& out) {
  static constexpr std::string_view kFrom = "\\'\"abfnrtv";
  static constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
  const char c = rest[0];
  if (const std::size_t simple = kFrom.find(c); simple != kFrom.npos) {
    out += kTo[simple];
    return 1;
  }
  if (c == '\n') {
    return 1;  // a line that goes on
  }
  if (c >= '0' && c <= '7') {
    const std::size_t length = std::min(rest.find_first_not_of("01234567"), std::size_t{3});
    const std::size_t used = std::min(length, rest.size());
    append_numeric(rest.substr(0, used), 8, line, out);
    return used;
  }
  const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits == 0 && c != 'N') {
    out += '\\';
    out += c;
    return 1;
  }
  const std::string_view number = rest.substr(1, digits);
  if (c == 'N' || number.size() < digits ||
      !std::ranges::all_of(number, [](char d) { return hex_digit(d) >= 0; })) {
    fail_syntax(line, fmt::format("a string has a broken escape '\\{}'", c));
  }
  append_numeric(number, 16, line, out);
  return 1 + digits;
}

std::string decode_escapes(std::string_view body, int line) {
  std::string out;
  std::size_t i = 0;
  while (i < body.size()) {
    if (body[i] != '\\') {
      out += body[i++];
      continue;
    }
    i += 1 + decode_escape(body.substr(i + 1), line, out);
  }
  return out;
}

std::string without_underscores(std::string_view text) {
  std::string out(text);
  std::erase(out, '_');
  return out;
}

}  // namespace

std::string describe(const Token& token) {
  switch (token.type) {
    case TokenType::kData:
      return "text";
    case TokenType::kBlockBegin:
      return "'{%'";
    case TokenType::kBlockEnd:
      return "'%}'";
    case TokenType::kVariableBegin:
      return "'{{'";
    case TokenType::kVariableEnd:
      return "'}}'";
    case TokenType::kString:
      return "a string";
    case TokenType::kEnd:
      return "the end of the template";
    default:
      return fmt::format("'{}'", base::printable(token.text, 40));
  }
}

void fail_syntax(int line, const std::string& message) {
  throw Error(ErrorCode::kCorruptFile, fmt::format("line {}: {}", line, message));
}

Lexer::Lexer(std::string_view source) : source_(normalize_lines(source)) {}

void Lexer::advance_to(std::size_t position) {
  line_ +=
      static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(position_),
                                  source_.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
  position_ = position;
}

void Lexer::skip_space() {
  const std::string_view rest = std::string_view(source_).substr(position_);
  advance_to(position_ + static_cast<std::size_t>(leading_space(rest)));
}

Token Lexer::next() {
  while (ready_.empty()) {
    if (mode_ == Mode::kRoot) {
      lex_root();
    } else {
      ready_.push_back(lex_code());
    }
  }
  Token token = std::move(ready_.front());
  ready_.pop_front();
  return token;
}

// The text between here and the tag at `tag`, without the white space that the tag takes away.
std::string_view Lexer::data_before(std::size_t tag) const {
  const std::string_view text = std::string_view(source_).substr(position_, tag - position_);
  const char sign = at(tag + 2);
  if (sign == '-') {
    return text.substr(0, text.size() - static_cast<std::size_t>(trailing_space(text)));
  }
  if (sign == '+' || at(tag + 1) == '{') {
    return text;
  }
  const std::size_t newline = text.rfind('\n');
  const bool starts_line = position_ == 0 || source_[position_ - 1] == '\n';
  if (newline == text.npos && !starts_line) {
    return text;
  }
  const std::size_t line_begin = newline == text.npos ? 0 : newline + 1;
  const std::string_view line = text.substr(line_begin);
  const bool is_blank = static_cast<std::size_t>(leading_space(line)) == line.size();
  return is_blank ? text.substr(0, line_begin) : text;
}

void Lexer::take_data(std::size_t tag) {
  const std::string_view data =
      tag == source_.size() ? std::string_view(source_).substr(position_) : data_before(tag);
  if (!data.empty()) {
    ready_.push_back({TokenType::kData, std::string(data), line_});
  }
  advance_to(tag);
}

std::size_t Lexer::find_tag() const {
  std::size_t tag = source_.find('{', position_);
  while (tag != std::string::npos) {
    const char second = at(tag + 1);
    if (second == '{' || second == '%' || second == '#') {
      return tag;
    }
    tag = source_.find('{', tag + 1);
  }
  return source_.size();
}

void Lexer::lex_root() {
  if (position_ >= source_.size()) {
    ready_.push_back({TokenType::kEnd, "", line_});
    return;
  }
  const std::size_t tag = find_tag();
  take_data(tag);
  if (tag == source_.size()) {
    return;
  }
  if (at(tag + 1) == '#') {
    skip_comment(tag);
    return;
  }
  if (at(tag + 1) == '%' && take_raw(tag)) {
    return;
  }
  const bool is_block = at(tag + 1) == '%';
  const bool has_sign = at(tag + 2) == '-' || at(tag + 2) == '+';
  ready_.push_back({is_block ? TokenType::kBlockBegin : TokenType::kVariableBegin, "", line_});
  mode_ = is_block ? Mode::kBlock : Mode::kVariable;
  advance_to(tag + (has_sign ? 3 : 2));
}

void Lexer::skip_comment(std::size_t tag) {
  const bool has_sign = at(tag + 2) == '-' || at(tag + 2) == '+';
  const std::size_t begin = tag + (has_sign ? 3 : 2);
  const std::size_t end = source_.find("#}", begin);
  if (end == std::string::npos) {
    fail_syntax(line_, "a comment '{#' is not closed");
  }
  const char sign = end > begin ? source_[end - 1] : '\0';
  advance_to(end + 2);
  if (sign == '-') {
    skip_space();
  } else if (sign != '+' && at(position_) == '\n') {
    advance_to(position_ + 1);
  }
}

// The position behind "{%", an optional sign, white space, `word` and white space at `tag`, or 0.
std::size_t Lexer::match_bare_tag(std::size_t tag, std::string_view word) const {
  const std::string_view all = source_;
  std::size_t here = tag + (at(tag + 2) == '-' || at(tag + 2) == '+' ? 3 : 2);
  here += static_cast<std::size_t>(leading_space(all.substr(std::min(here, all.size()))));
  if (!starts_with(here, word)) {
    return 0;
  }
  here += word.size();
  return here + static_cast<std::size_t>(leading_space(all.substr(here)));
}

// `{% raw %} ... {% endraw %}`: the text between is handed out as it stands.
bool Lexer::take_raw(std::size_t tag) {
  const std::size_t name_end = match_bare_tag(tag, "raw");
  if (name_end == 0 || !(starts_with(name_end, "%}") || starts_with(name_end, "-%}"))) {
    return false;
  }
  const bool strips = at(name_end) == '-';
  advance_to(name_end + (strips ? 3 : 2));
  if (strips) {
    skip_space();
  }
  for (std::size_t end = source_.find("{%", position_); end != std::string::npos;
       end = source_.find("{%", end + 1)) {
    const std::size_t close = match_bare_tag(end, "endraw");
    if (close == 0) {
      continue;
    }
    const bool has_sign = at(close) == '-' || at(close) == '+';
    if (starts_with(close + (has_sign ? 1 : 0), "%}")) {
      take_data(end);
      advance_to(close);
      skip_tag_end(has_sign ? 1 : 0);
      return true;
    }
  }
  fail_syntax(line_, "'raw' is not closed");
}

// Goes over an optional sign and "%}" with the white space that belongs to them.
void Lexer::skip_tag_end(std::size_t sign_length) {
  const bool strips = sign_length > 0 && at(position_) == '-';
  const bool keeps = sign_length > 0 && at(position_) == '+';
  advance_to(position_ + sign_length + 2);
  if (strips) {
    skip_space();
  } else if (!keeps && at(position_) == '\n') {
    advance_to(position_ + 1);
  }
}

bool Lexer::lex_tag_end(Token& token) {
  if (!brackets_.empty()) {
    return false;
  }
  const bool is_block = mode_ == Mode::kBlock;
  const std::string_view close = is_block ? "%}" : "}}";
  const bool has_sign = at(position_) == '-' || (is_block && at(position_) == '+');
  if (!starts_with(position_ + (has_sign ? 1 : 0), close)) {
    return false;
  }
  token.type = is_block ? TokenType::kBlockEnd : TokenType::kVariableEnd;
  mode_ = Mode::kRoot;
  if (is_block) {
    skip_tag_end(has_sign ? 1 : 0);
    return true;
  }
  advance_to(position_ + (has_sign ? 3 : 2));
  if (has_sign) {
    skip_space();
  }
  return true;
}

Token Lexer::lex_code() {
  skip_space();
  Token token;
  token.line = line_;
  if (lex_tag_end(token)) {
    return token;
  }
  if (position_ >= source_.size()) {
    fail_syntax(line_, mode_ == Mode::kBlock ? "a tag '{%' is not closed"
                                             : "an expression '{{' is not closed");
  }
  const char c = at(position_);
  if (is_ascii_digit(c)) {
    lex_number(token);
  } else if (is_name_start(c)) {
    const std::size_t begin = position_;
    while (is_name_start(at(position_)) || is_ascii_digit(at(position_))) {
      ++position_;
    }
    token.type = TokenType::kName;
    token.text = source_.substr(begin, position_ - begin);
  } else if (c == '\'' || c == '"') {
    lex_string(token);
  } else {
    lex_operator(token);
  }
  return token;
}

void Lexer::lex_number(Token& token) {
  const std::string_view rest = std::string_view(source_).substr(position_);
  const char kind = static_cast<char>(at(position_ + 1) | 0x20);
  const int base = at(position_) != '0' ? 10
                   : kind == 'x'        ? 16
                   : kind == 'o'        ? 8
                   : kind == 'b'        ? 2
                                        : 10;
  std::size_t length = 0;
  token.type = TokenType::kInteger;
  if (base != 10) {
    const std::size_t digits = digits_length(rest.substr(2), base);
    length = digits > 0 ? 2 + digits : 1;
  } else {
    length = digits_length(rest, 10);
    const bool follows_dot = position_ > 0 && source_[position_ - 1] == '.';
    const std::size_t fraction = follows_dot ? 0 : fraction_length(rest.substr(length));
    token.type = fraction > 0 ? TokenType::kFloat : TokenType::kInteger;
    if (fraction == 0 && rest[0] == '0') {
      length = std::min(length, rest.find_first_not_of("0_"));  // no leading zeros but 0 itself
    }
    length += fraction;
  }
  token.text = without_underscores(rest.substr(0, length));
  advance_to(position_ + length);
}

void Lexer::lex_string(Token& token) {
  const char quote = at(position_);
  std::size_t end = position_ + 1;
  while (end < source_.size() && source_[end] != quote) {
    end += source_[end] == '\\' ? 2U : 1U;
  }
  if (end >= source_.size()) {
    fail_syntax(line_, "a string is not closed");
  }
  const std::string_view body(source_.data() + position_ + 1, end - position_ - 1);
  token.type = TokenType::kString;
  token.text = decode_escapes(body, line_);
  advance_to(end + 1);
}

void Lexer::lex_operator(Token& token) {
  const auto* found = std::ranges::find_if(
      kOperators, [&](std::string_view spelling) { return starts_with(position_, spelling); });
  if (found == std::end(kOperators)) {
    fail_syntax(line_, fmt::format("unexpected character '{}'",
                                   base::printable(source_.substr(position_, 1))));
  }
  token.type = TokenType::kOperator;
  token.text = *found;
  const char c = token.text[0];
  if (c == '(' || c == '[' || c == '{') {
    brackets_ += c == '(' ? ')' : c == '[' ? ']' : '}';
  } else if (c == ')' || c == ']' || c == '}') {
    if (brackets_.empty() || brackets_.back() != c) {
      fail_syntax(line_, fmt::format("unexpected '{}'", c));
    }
    brackets_.pop_back();
  }
  advance_to(position_ + token.text.size());
}

}  // namespace minimax::text::jinja
