// SPDX-License-Identifier: Apache-2.0
// Looking up what a code point is: the classes of the splitting rules, and lowercase.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/unicode_tables.h"

namespace minimax::text {

/// The property byte of every code point, one load per look-up. Immutable once made (about a
/// megabyte, well under a millisecond), and shared by the whole program.
class UnicodeTable {
 public:
  static const UnicodeTable& shared();

  /// Requires: a code point up to U+10FFFF.
  CharacterClass class_of(char32_t c) const {
    return static_cast<CharacterClass>(properties_[static_cast<std::size_t>(c)] & 7u);
  }
  bool has(char32_t c, Property property) const {
    return (properties_[static_cast<std::size_t>(c)] & property) != 0;
  }
  bool is_space(char32_t c) const { return class_of(c) >= CharacterClass::kSpace; }

 private:
  UnicodeTable();

  std::vector<std::uint8_t> properties_;  // [0x110000]
};

/// Appends the lowercase of `c`, without regard to what surrounds it (no final sigma).
void append_lowercase(char32_t c, std::string& out);

}  // namespace minimax::text
