// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>

#include "text/utf8.h"

namespace minimax::text::jinja {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

bool is_any_of(char32_t c, std::u32string_view set) { return set.find(c) != set.npos; }

// The mappings that give more than one code point (SpecialCasing.txt, the ones in European text).
std::u32string_view special_upper(char32_t c) {
  switch (c) {
    case 0x00DF:
      return U"SS";
    case 0x0149:
      return U"\u02BCN";
    case 0x01F0:
      return U"J\u030C";
    case 0xFB00:
      return U"FF";
    case 0xFB01:
      return U"FI";
    case 0xFB02:
      return U"FL";
    case 0xFB03:
      return U"FFI";
    case 0xFB04:
      return U"FFL";
    default:
      return {};
  }
}

std::u32string_view special_title(char32_t c) {
  switch (c) {
    case 0x00DF:
      return U"Ss";
    case 0xFB00:
      return U"Ff";
    case 0xFB01:
      return U"Fi";
    case 0xFB02:
      return U"Fl";
    case 0xFB03:
      return U"Ffi";
    case 0xFB04:
      return U"Ffl";
    default:
      return special_upper(c);
  }
}

void append_all(std::u32string_view code_points, std::string& out) {
  for (const char32_t c : code_points) {
    append_utf8(c, out);
  }
}

char32_t from_utf8proc(utf8proc_int32_t c) { return static_cast<char32_t>(c); }

}  // namespace

bool is_space(char32_t c) {
  if (c < 0x80) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
  }
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         is_any_of(c, U"\u2028\u2029\u202F\u205F\u3000");
}

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool is_letter(char32_t c) {
  const utf8proc_category_t k = category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) { return category(c) == UTF8PROC_CATEGORY_ND; }

bool is_digit(char32_t c) {
  return is_decimal(c) || is_any_of(c, U"\u00B2\u00B3\u00B9\u2070") ||
         (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089) ||
         (c >= 0x2460 && c <= 0x2468) || (c >= 0x2474 && c <= 0x247C);
}

bool is_numeric(char32_t c) {
  const utf8proc_category_t k = category(c);
  return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool is_upper(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LU; }

bool is_lower(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LL || c == 0xAA || c == 0xBA; }

bool is_title(char32_t c) { return category(c) == UTF8PROC_CATEGORY_LT; }

bool is_word(char32_t c) { return c == U'_' || is_letter(c) || is_numeric(c); }

bool is_printable(char32_t c) {
  if (c == U' ') {
    return true;
  }
  const utf8proc_category_t k = category(c);
  return k != UTF8PROC_CATEGORY_CN && k < UTF8PROC_CATEGORY_ZS;
}

void append_upper(char32_t c, std::string& out) {
  const std::u32string_view special = special_upper(c);
  if (!special.empty()) {
    append_all(special, out);
  } else {
    append_utf8(from_utf8proc(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))), out);
  }
}

void append_lower(char32_t c, std::string& out) {
  if (c == 0x0130) {
    append_all(U"i\u0307", out);
  } else {
    append_utf8(from_utf8proc(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), out);
  }
}

void append_title(char32_t c, std::string& out) {
  const std::u32string_view special = special_title(c);
  if (!special.empty()) {
    append_all(special, out);
  } else {
    append_utf8(from_utf8proc(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))), out);
  }
}

std::int64_t leading_space(std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  std::int64_t at = 0;
  while (at < size) {
    const CodePoint point = decode_utf8(text, at);
    if (!is_space(point.value)) {
      break;
    }
    at += point.length;
  }
  return at;
}

std::int64_t trailing_space(std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  std::int64_t end = size;
  while (end > 0) {
    const std::int64_t start = previous_code_point(text, end);
    if (!is_space(decode_utf8(text, start).value)) {
      break;
    }
    end = start;
  }
  return size - end;
}

std::int64_t count_code_points(std::string_view text) {
  return static_cast<std::int64_t>(text.size()) -
         std::count_if(text.begin(), text.end(), is_continuation);
}

std::int64_t code_point_length(std::string_view text, std::int64_t offset) {
  const auto size = static_cast<std::int64_t>(text.size());
  std::int64_t end = offset + 1;
  while (end < size && is_continuation(text[static_cast<std::size_t>(end)])) {
    ++end;
  }
  return end - offset;
}

std::int64_t byte_offset(std::string_view text, std::int64_t index) {
  std::int64_t at = 0;
  for (; index > 0; --index) {
    at += code_point_length(text, at);
  }
  return at;
}

std::int64_t previous_code_point(std::string_view text, std::int64_t end) {
  std::int64_t start = end - 1;
  while (start > 0 && is_continuation(text[static_cast<std::size_t>(start)])) {
    --start;
  }
  return start;
}

}  // namespace minimax::text::jinja
