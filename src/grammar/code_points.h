// SPDX-License-Identifier: Apache-2.0
// Sets of code points, and the byte sequences of UTF-8 that spell them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::grammar {

struct CodePointRange {
  char32_t first = 0;
  char32_t last = 0;  // inclusive
};

/// A set of Unicode scalar values, U+0000 to U+10FFFF without the surrogates.
class CodePointSet {
 public:
  CodePointSet() = default;
  CodePointSet(std::initializer_list<CodePointRange> ranges);
  /// In any order, overlapping or not.
  explicit CodePointSet(std::vector<CodePointRange> ranges);
  static CodePointSet all();

  void add(char32_t first, char32_t last);
  void add(char32_t value) { add(value, value); }
  void add(const CodePointSet& other);

  CodePointSet complement() const;
  CodePointSet intersection(const CodePointSet& other) const;
  CodePointSet without(const CodePointSet& other) const;
  bool contains(char32_t value) const;
  bool is_empty() const { return ranges_.empty(); }

  /// Sorted, disjoint and not adjacent.
  const std::vector<CodePointRange>& ranges() const { return ranges_; }

 private:
  void normalize();

  std::vector<CodePointRange> ranges_;
};

/// Up to four bytes one after another, each out of a range.
struct Utf8Sequence {
  int length = 0;
  std::uint8_t first[4] = {};
  std::uint8_t last[4] = {};
};

/// The sequences of byte ranges that spell exactly the code points of `set`.
std::vector<Utf8Sequence> utf8_sequences(const CodePointSet& set);

void append_utf8(char32_t value, std::string& out);

/// The code point that starts at `offset`, which is moved behind it. 0xFFFFFFFF where the bytes
/// are not UTF-8. Requires: offset < text.size().
char32_t next_code_point(std::string_view text, std::size_t& offset);

inline constexpr char32_t kInvalidCodePoint = 0xFFFFFFFF;

}  // namespace minimax::grammar
