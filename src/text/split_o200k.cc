// SPDX-License-Identifier: Apache-2.0
// The alternatives of the pattern in its order. The first two, words, need care: their classes
// for upper and lower case share the letters without case and the marks, so a regular expression
// finds the match by giving characters back; match_letters says where that ends.
#include "text/scanner.h"
#include "text/splitters.h"

namespace minimax::text {
namespace {

constexpr unsigned kBothCases =
    class_bit(CharacterClass::kLetter) | class_bit(CharacterClass::kMark);
constexpr unsigned kUpperSide = class_bit(CharacterClass::kUpper) | kBothCases;
constexpr unsigned kLowerSide = class_bit(CharacterClass::kLower) | kBothCases;

unsigned char ascii_lower(unsigned char c) {
  return static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? c | 0x20u : c);
}

// The end of an optional (?i:'s|'t|'re|'ve|'m|'ll|'d) at `offset`.
std::int64_t skip_contraction(const Scanner& scanner, std::int64_t offset) {
  if (scanner.byte(offset) != '\'') {
    return offset;
  }
  const unsigned char first = ascii_lower(scanner.byte(offset + 1));
  const unsigned char second = ascii_lower(scanner.byte(offset + 2));
  if (first == 's' || first == 't' || first == 'm' || first == 'd') {
    return offset + 2;
  }
  if (scanner.at(offset + 1).value == 0x17F) {  // the long s is an s in another case
    return offset + 3;
  }
  const bool two =
      ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l');
  return two ? offset + 3 : offset;
}

struct LetterMatch {
  std::int64_t mixed_end = -1;  // of upper* lower+, or -1
  std::int64_t upper_end = -1;  // of upper+ lower*, or -1; only where mixed_end is -1
};

LetterMatch match_letters(const Scanner& scanner, std::int64_t start) {
  const std::int64_t upper_end = scanner.skip(start, kUpperSide);
  const std::int64_t lower_end = scanner.skip(upper_end, class_bit(CharacterClass::kLower));
  if (lower_end > upper_end) {
    return {.mixed_end = scanner.skip(lower_end, kLowerSide)};
  }
  // lower+ must be taken from what upper* took: it gets the last character that is in both.
  for (std::int64_t end = upper_end; end > start;) {
    const std::int64_t last = scanner.previous(end);
    if (scanner.at(last).character_class != CharacterClass::kUpper) {
      return {.mixed_end = end};
    }
    end = last;
  }
  return upper_end > start ? LetterMatch{.upper_end = upper_end} : LetterMatch{};
}

// The end of the first two alternatives at `offset`, or -1.
std::int64_t match_word(const Scanner& scanner, std::int64_t offset) {
  const ScannedCharacter first = scanner.at(offset);
  if (first.character_class == CharacterClass::kNumber ||
      first.character_class == CharacterClass::kNewline) {
    return -1;
  }
  const bool is_letter = (kCasedOrNot & class_bit(first.character_class)) != 0;
  const LetterMatch match = match_letters(scanner, is_letter ? offset : offset + first.length);
  if (match.mixed_end >= 0) {
    return skip_contraction(scanner, match.mixed_end);
  }
  if (first.character_class == CharacterClass::kMark) {
    return skip_contraction(scanner, offset + first.length);  // the mark itself is lower+
  }
  return match.upper_end >= 0 ? skip_contraction(scanner, match.upper_end) : -1;
}

std::int64_t match_number(const Scanner& scanner, std::int64_t offset) {
  std::int64_t end = offset;
  for (int digits = 0; digits < 3; ++digits) {
    const ScannedCharacter c = scanner.at(end);
    if (c.length == 0 || c.character_class != CharacterClass::kNumber) {
      break;
    }
    end += c.length;
  }
  return end;
}

// The end of ` ?[^\s\p{L}\p{N}]+[\r\n/]*` at `offset`, or -1.
std::int64_t match_symbols(const Scanner& scanner, std::int64_t offset) {
  const std::int64_t start = scanner.byte(offset) == ' ' ? offset + 1 : offset;
  std::int64_t end = scanner.skip(start, kSymbols);
  if (end == start) {
    return -1;
  }
  while (scanner.byte(end) == '\r' || scanner.byte(end) == '\n' || scanner.byte(end) == '/') {
    ++end;
  }
  return end;
}

// The end of `\s*[\r\n]+` at `offset`, or -1: up to the last line end of the run of spaces.
std::int64_t match_line_end(const Scanner& scanner, std::int64_t offset) {
  const std::int64_t end = scanner.skip(offset, kSpaces);
  const auto last = scanner.slice(offset, end).find_last_of("\r\n");
  return last == std::string_view::npos ? -1 : offset + static_cast<std::int64_t>(last) + 1;
}

std::int64_t match_piece(const Scanner& scanner, std::int64_t offset) {
  std::int64_t end = match_word(scanner, offset);
  if (end < 0) {
    end = match_number(scanner, offset);
    end = end > offset ? end : match_symbols(scanner, offset);
  }
  if (end < 0) {
    end = match_line_end(scanner, offset);
  }
  return end >= 0 ? end : match_spaces(scanner, offset);
}

}  // namespace

void split_o200k(std::string_view text, std::vector<std::string_view>& pieces) {
  const Scanner scanner(text);
  for (std::int64_t offset = 0; offset < scanner.size();) {
    const std::int64_t end = match_piece(scanner, offset);
    pieces.push_back(scanner.slice(offset, end));
    offset = end;
  }
}

}  // namespace minimax::text
