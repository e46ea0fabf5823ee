// SPDX-License-Identifier: Apache-2.0
// Code points as Python's str knows them: white space, case, classes, and offsets into UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace minimax::text::jinja {

bool is_space(char32_t c);
bool is_line_break(char32_t c);
bool is_letter(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);    // decimals, superscripts and circled digits
bool is_numeric(char32_t c);  // and fractions, Roman numerals ...
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
bool is_word(char32_t c);  // \w of Python's re
bool is_printable(char32_t c);

/// Appends the mapping of one code point, which may be several.
void append_upper(char32_t c, std::string& out);
void append_lower(char32_t c, std::string& out);
void append_title(char32_t c, std::string& out);

/// The bytes of white space that `text` starts or ends with.
std::int64_t leading_space(std::string_view text);
std::int64_t trailing_space(std::string_view text);

/// The number of code points.
std::int64_t count_code_points(std::string_view text);

/// The byte offset of code point `index`. Requires: 0 <= index <= count_code_points(text).
std::int64_t byte_offset(std::string_view text, std::int64_t index);

/// The length in bytes of the code point that starts at `offset`; 1 for invalid bytes.
std::int64_t code_point_length(std::string_view text, std::int64_t offset);

/// The offset at which the code point that ends before `end` starts. Requires: end > 0.
std::int64_t previous_code_point(std::string_view text, std::int64_t end);

}  // namespace minimax::text::jinja
