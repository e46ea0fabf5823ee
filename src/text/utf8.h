// SPDX-License-Identifier: Apache-2.0
// Reading and writing UTF-8 one code point at a time, with a stated policy for invalid bytes.
// Not for Unicode properties (unicode_tables.h) or normalization (normalizer.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace minimax::text {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// One step of decoding. For invalid bytes `value` is U+FFFD and `length` the number of bytes
/// that one replacement stands for: the longest prefix of a valid sequence, or one byte.
struct CodePoint {
  char32_t value = 0;
  std::int64_t length = 0;  // bytes, 1 to 4
  bool valid = false;
};

/// The code point that starts at `offset`. Surrogates, overlong forms and values above U+10FFFF
/// are invalid. Requires: offset < text.size().
CodePoint decode_utf8(std::string_view text, std::int64_t offset);

/// Appends the UTF-8 form of `value` to `out`. Requires: a Unicode scalar value.
void append_utf8(char32_t value, std::string& out);

/// The offset of the first invalid byte, or -1 where all of `text` is valid UTF-8.
std::int64_t find_invalid_utf8(std::string_view text);

/// `text` with every invalid sequence replaced by U+FFFD, as Python's
/// bytes.decode("utf-8", errors="replace") does.
std::string replace_invalid_utf8(std::string_view text);

/// The length of the longest suffix of `text` that is an unfinished, so far valid sequence: the
/// bytes to hold back when more may follow. 0 to 3.
std::int64_t incomplete_utf8_suffix(std::string_view text);

}  // namespace minimax::text
