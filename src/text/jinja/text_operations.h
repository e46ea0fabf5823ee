// SPDX-License-Identifier: Apache-2.0
// What methods and filters do to strings; marks travel with the bytes.
#pragma once

#include <string_view>

#include "text/jinja/value.h"

namespace minimax::text::jinja {

enum class Sides { kLeft, kRight, kBoth };
/// Without the characters of `characters` (null: white space) at the ends.
const Text* strip(Heap& heap, const Text& text, const Text* characters, Sides sides);

enum class Case { kUpper, kLower, kCapitalized, kTitle, kSwapped };
/// str.upper(), lower(), capitalize(), title() and swapcase().
const Text* change_case(Heap& heap, const Text& text, Case target);

/// Whether there is a character of the wanted case and none of the other (or of title case).
bool has_only_case(Heap& heap, const Text& text, bool (*is_wanted)(char32_t),
                   bool (*is_other)(char32_t));

struct SplitOptions {
  const Text* separator = nullptr;  // null: runs of white space
  std::int64_t max_splits = -1;     // negative: no limit
  bool from_right = false;
};
Values split(Heap& heap, const Text& text, const SplitOptions& options);

enum class LineEnds { kKept, kDropped };
Values split_lines(Heap& heap, const Text& text, LineEnds ends);

struct Replacement {
  const Text& from;
  const Text& to;
  std::int64_t max_count = -1;  // negative: no limit
};
const Text* replace(Heap& heap, const Text& text, const Replacement& replacement);

struct Padding {
  std::int64_t width = 0;  // code points
  std::string_view fill = " ";
  char align = '<';  // where the text stands: '<', '^' or '>'
};
const Text* pad(Heap& heap, const Text& text, const Padding& padding);

}  // namespace minimax::text::jinja
