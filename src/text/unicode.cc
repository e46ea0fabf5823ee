// SPDX-License-Identifier: Apache-2.0
#include "text/unicode.h"

#include <algorithm>

#include "text/utf8.h"

namespace minimax::text {

UnicodeTable::UnicodeTable() : properties_(0x110000) {
  const auto ranges = property_ranges();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const std::size_t end = i + 1 < ranges.size() ? ranges[i + 1].first : properties_.size();
    std::fill(properties_.begin() + static_cast<std::ptrdiff_t>(ranges[i].first),
              properties_.begin() + static_cast<std::ptrdiff_t>(end), ranges[i].properties);
  }
}

const UnicodeTable& UnicodeTable::shared() {
  static const UnicodeTable kTable;
  return kTable;
}

void append_lowercase(char32_t c, std::string& out) {
  if (c == 0x130) {
    out += "i\u0307";
    return;
  }
  const auto runs = lowercase_runs();
  const auto run = std::lower_bound(runs.begin(), runs.end(), c,
                                    [](const LowercaseRun& r, char32_t v) { return r.last < v; });
  if (run == runs.end() || c < run->first ||
      (c - run->first) % static_cast<char32_t>(run->step) != 0) {
    append_utf8(c, out);
    return;
  }
  append_utf8(static_cast<char32_t>(static_cast<std::int32_t>(c) + run->delta), out);
}

}  // namespace minimax::text
