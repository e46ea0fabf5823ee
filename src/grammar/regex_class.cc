// SPDX-License-Identifier: Apache-2.0
#include "grammar/regex_class.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

namespace minimax::grammar {
namespace {

CodePointSet digits() { return CodePointSet({{'0', '9'}}); }

CodePointSet word_characters() {
  return CodePointSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
}

// Source: ECMA-262, WhiteSpace and LineTerminator.
CodePointSet spaces() {
  return CodePointSet({{'\t', '\r'},
                       {' ', ' '},
                       {0xA0, 0xA0},
                       {0x1680, 0x1680},
                       {0x2000, 0x200A},
                       {0x2028, 0x2029},
                       {0x202F, 0x202F},
                       {0x205F, 0x205F},
                       {0x3000, 0x3000},
                       {0xFEFF, 0xFEFF}});
}

/// \d and its like, for the letter behind the backslash.
std::optional<CodePointSet> named_set(char letter) {
  switch (letter) {
    case 'd':
      return digits();
    case 'D':
      return digits().complement();
    case 'w':
      return word_characters();
    case 'W':
      return word_characters().complement();
    case 's':
      return spaces();
    case 'S':
      return spaces().complement();
    default:
      return std::nullopt;
  }
}

std::optional<char32_t> control_character(char letter) {
  switch (letter) {
    case 't':
      return '\t';
    case 'n':
      return '\n';
    case 'v':
      return '\v';
    case 'f':
      return '\f';
    case 'r':
      return '\r';
    case '0':
      return 0;
    default:
      return std::nullopt;
  }
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Behind \u: {H...}, or four digits, of which two in a row may be the halves of one character.
char32_t parse_unicode_escape(Scanner& scanner) {
  if (scanner.skip_if('{')) {
    int length = 0;
    Scanner ahead = scanner;
    while (!ahead.at_end() && !ahead.skip_if('}')) {
      ahead.skip(1);
      ++length;
    }
    const char32_t value = scanner.hex(length);
    if (!scanner.skip_if('}')) {
      scanner.fail_expected("'}'");
    }
    return value;
  }
  const char32_t high = scanner.hex_unit();
  if (high < 0xD800 || high > 0xDFFF) {
    return high;
  }
  if (high <= 0xDBFF && scanner.starts_with("\\u")) {
    scanner.skip(2);
    const char32_t low = scanner.hex_unit();
    if (low >= 0xDC00 && low <= 0xDFFF) {
      return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  scanner.fail("half of a character: expected \\uD800 to \\uDBFF, then \\uDC00 to \\uDFFF");
}

// The character for what stands behind a backslash.
char32_t parse_escaped_character(Scanner& scanner) {
  const char letter = scanner.peek();
  if (const auto control = control_character(letter); control.has_value()) {
    scanner.skip(1);
    if (letter == '0' && scanner.peek() >= '0' && scanner.peek() <= '9') {
      scanner.fail("octal escapes are not supported");
    }
    return *control;
  }
  if (scanner.skip_if('x')) {
    return scanner.hex(2);
  }
  if (scanner.skip_if('u')) {
    return parse_unicode_escape(scanner);
  }
  if (scanner.skip_if('c')) {
    const char32_t control = scanner.next();
    return control & 0x1F;
  }
  if (is_letter_or_digit(letter)) {
    scanner.fail(fmt::format(
        "\\{} is not supported: expected one of \\d \\D \\w \\W \\s \\S \\t \\n \\v \\f \\r \\0 "
        "\\cX \\xHH \\uHHHH \\u{{H}}, or a punctuation mark (there are no back-references, word "
        "boundaries and properties)",
        letter));
  }
  return scanner.next();
}

/// A member of a class: a set such as \d, or one character.
struct Member {
  std::optional<CodePointSet> set;
  char32_t value = 0;
};

Member parse_member(Scanner& scanner) {
  if (!scanner.skip_if('\\')) {
    return {.set = std::nullopt, .value = scanner.next()};
  }
  if (std::optional<CodePointSet> set = named_set(scanner.peek()); set.has_value()) {
    scanner.skip(1);
    return {.set = std::move(set), .value = 0};
  }
  if (scanner.skip_if('b')) {
    return {.set = std::nullopt, .value = '\b'};
  }
  return {.set = std::nullopt, .value = parse_escaped_character(scanner)};
}

void append(const CodePointSet& set, std::vector<CodePointRange>& ranges) {
  ranges.insert(ranges.end(), set.ranges().begin(), set.ranges().end());
}

}  // namespace

CodePointSet line_ends() { return CodePointSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}); }

CodePointSet parse_class(Scanner& scanner) {
  scanner.skip(1);
  const bool is_negated = scanner.skip_if('^');
  std::vector<CodePointRange> ranges;
  while (!scanner.skip_if(']')) {
    const std::size_t begin = scanner.offset();
    const Member first = parse_member(scanner);
    const bool is_range = scanner.starts_with("-") && !scanner.starts_with("-]");
    if (first.set.has_value() || !is_range) {
      append(first.set.value_or(CodePointSet({{first.value, first.value}})), ranges);
      continue;
    }
    scanner.skip(1);
    const Member last = parse_member(scanner);
    if (last.set.has_value() || last.value < first.value) {
      scanner.fail_at(begin, "a range of characters ends before it begins");
    }
    ranges.push_back({first.value, last.value});
  }
  const CodePointSet set(std::move(ranges));
  return is_negated ? set.complement() : set;
}

CodePointSet parse_escape(Scanner& scanner) {
  scanner.skip(1);
  if (std::optional<CodePointSet> set = named_set(scanner.peek()); set.has_value()) {
    scanner.skip(1);
    return *set;
  }
  const char32_t value = parse_escaped_character(scanner);
  return CodePointSet({{value, value}});
}

}  // namespace minimax::grammar
