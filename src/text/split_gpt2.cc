// SPDX-License-Identifier: Apache-2.0
#include "text/scanner.h"
#include "text/splitters.h"

namespace minimax::text {
namespace {

// The end of 's 't 're 've 'm 'll 'd at `offset`, or -1.
std::int64_t match_contraction(const Scanner& scanner, std::int64_t offset) {
  if (scanner.byte(offset) != '\'') {
    return -1;
  }
  const unsigned char first = scanner.byte(offset + 1);
  const unsigned char second = scanner.byte(offset + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') {
    return offset + 2;
  }
  const bool two =
      ((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l');
  return two ? offset + 3 : -1;
}

// The end of the piece that starts at `offset`.
std::int64_t match_piece(const Scanner& scanner, std::int64_t offset) {
  const std::int64_t contraction = match_contraction(scanner, offset);
  if (contraction >= 0) {
    return contraction;
  }
  const std::int64_t start = scanner.byte(offset) == ' ' ? offset + 1 : offset;
  for (const unsigned classes : {kCasedOrNot, class_bit(CharacterClass::kNumber), kSymbols}) {
    const std::int64_t end = scanner.skip(start, classes);
    if (end > start) {
      return end;
    }
  }
  return match_spaces(scanner, offset);
}

}  // namespace

void split_gpt2(std::string_view text, std::vector<std::string_view>& pieces) {
  const Scanner scanner(text);
  for (std::int64_t offset = 0; offset < scanner.size();) {
    const std::int64_t end = match_piece(scanner, offset);
    pieces.push_back(scanner.slice(offset, end));
    offset = end;
  }
}

}  // namespace minimax::text
