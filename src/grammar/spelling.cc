// SPDX-License-Identifier: Apache-2.0
#include "grammar/spelling.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace minimax::grammar {
namespace {

/// The escape of a character that JSON does not allow as it is, but for the hexadecimal ones.
const char* short_escape(char32_t value) {
  switch (value) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return nullptr;
  }
}

void add_escape(Grammar& grammar, char32_t value, std::vector<NodeId>& parts) {
  if (const char* escape = short_escape(value); escape != nullptr) {
    parts.push_back(grammar.literal(escape));
    return;
  }
  const std::string lower = fmt::format("\\u{:04x}", static_cast<unsigned>(value));
  const std::string upper = fmt::format("\\u{:04X}", static_cast<unsigned>(value));
  parts.push_back(grammar.literal(lower));
  if (upper != lower) {
    parts.push_back(grammar.literal(upper));
  }
}

}  // namespace

NodeId add_character(Grammar& grammar, const CodePointSet& set, Spelling spelling) {
  if (spelling == Spelling::kPlain) {
    return grammar.code_points(set);
  }
  const CodePointSet escaped({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  std::vector<NodeId> parts = {grammar.code_points(set.without(escaped))};
  const CodePointSet to_escape = set.intersection(escaped);
  for (const CodePointRange& range : to_escape.ranges()) {
    for (char32_t value = range.first; value <= range.last; ++value) {
      add_escape(grammar, value, parts);
    }
  }
  return parts.size() == 1 ? parts[0] : grammar.alternatives(parts);
}

}  // namespace minimax::grammar
