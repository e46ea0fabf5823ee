// SPDX-License-Identifier: Apache-2.0
// Values as text: Python's str(), repr() and json.dumps(). Text keeps its mark; what these
// functions add themselves (quotes, brackets, numbers) counts as the template's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace minimax::text::jinja {

/// repr() of a float: the shortest digits that read back, with ".0" or an exponent.
std::string format_float(double value);

/// All of `text` as a number; infinity where it is too large. The locale plays no part.
std::optional<double> parse_double(std::string_view text);

/// str(value).
const Text* to_text(Heap& heap, const Value& value);
void append_str(Heap& heap, TextBuilder& out, const Value& value);
void append_repr(Heap& heap, TextBuilder& out, const Value& value);

struct JsonFormat {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  // of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

/// Throws: Error{kInvalidArgument} for a value that JSON cannot hold.
void append_json(Heap& heap, TextBuilder& out, const Value& value, const JsonFormat& format);

}  // namespace minimax::text::jinja
