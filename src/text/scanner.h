// SPDX-License-Identifier: Apache-2.0
// Reading valid UTF-8 by character class, the inner loop of the splitters. Defined in the header
// because a call per character would cost more than the work.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/unicode.h"

namespace minimax::text {

struct ScannedCharacter {
  char32_t value = 0;
  std::int64_t length = 0;  // bytes; 0 at the end of the text
  CharacterClass character_class = CharacterClass::kOther;
};

/// Requires: valid UTF-8 that outlives the scanner.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), table_(UnicodeTable::shared()) {}

  std::int64_t size() const { return static_cast<std::int64_t>(text_.size()); }

  std::string_view text() const { return text_; }

  std::string_view slice(std::int64_t begin, std::int64_t end) const {
    return text_.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  }

  /// The byte at `offset`, or 0 at the end.
  unsigned char byte(std::int64_t offset) const {
    return offset < size() ? static_cast<unsigned char>(text_[static_cast<std::size_t>(offset)])
                           : static_cast<unsigned char>(0);
  }

  /// The character at `offset`; its length is 0 at the end.
  ScannedCharacter at(std::int64_t offset) const {
    if (offset >= size()) {
      return {};
    }
    const char32_t first = byte(offset);
    if (first < 0x80) {
      return {first, 1, table_.class_of(first)};
    }
    const std::int64_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    char32_t value = first & (0x7Fu >> length);
    for (std::int64_t i = 1; i < length; ++i) {
      value = (value << 6) | (byte(offset + i) & 0x3Fu);
    }
    return {value, length, table_.class_of(value)};
  }

  /// The first offset from `offset` on whose character is not in `classes`, a set of bits
  /// 1 << CharacterClass.
  std::int64_t skip(std::int64_t offset, unsigned classes) const {
    for (;;) {
      const ScannedCharacter c = at(offset);
      if (c.length == 0 || (classes >> static_cast<unsigned>(c.character_class) & 1u) == 0) {
        return offset;
      }
      offset += c.length;
    }
  }

  /// The offset of the character that ends at `offset`. Requires: offset > 0.
  std::int64_t previous(std::int64_t offset) const {
    do {
      --offset;
    } while ((byte(offset) & 0xC0u) == 0x80u);
    return offset;
  }

 private:
  std::string_view text_;
  const UnicodeTable& table_;
};

constexpr unsigned class_bit(CharacterClass c) { return 1u << static_cast<unsigned>(c); }

inline constexpr unsigned kCasedOrNot = class_bit(CharacterClass::kUpper) |
                                        class_bit(CharacterClass::kLower) |
                                        class_bit(CharacterClass::kLetter);
inline constexpr unsigned kSpaces =
    class_bit(CharacterClass::kSpace) | class_bit(CharacterClass::kNewline);
/// Neither letter nor number nor space.
inline constexpr unsigned kSymbols =
    class_bit(CharacterClass::kOther) | class_bit(CharacterClass::kMark);

/// What \s+(?!\S)|\s+ matches at `offset`: a run of spaces without its last one where text
/// follows. Requires: a space at `offset`.
inline std::int64_t match_spaces(const Scanner& scanner, std::int64_t offset) {
  const std::int64_t end = scanner.skip(offset, kSpaces);
  if (end == scanner.size()) {
    return end;
  }
  const std::int64_t last = scanner.previous(end);
  return last > offset ? last : end;
}

}  // namespace minimax::text
