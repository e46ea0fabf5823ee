// SPDX-License-Identifier: Apache-2.0
// Strings and numbers of JSON schemas.
#include <fmt/format.h>

#include <algorithm>

#include "grammar/number_range.h"
#include "grammar/regex.h"
#include "grammar/schema_compiler.h"
#include "grammar/string_formats.h"

namespace minimax::grammar {
namespace {

using base::JsonView;

NodeId quoted(Grammar& grammar, NodeId content) {
  return grammar.sequence({grammar.literal("\""), content, grammar.literal("\"")});
}

/// minLength and maxLength.
struct Length {
  std::int64_t min = 0;
  std::int64_t max = kUnlimited;
};

// The largest number in place of "any number of times" with which all texts are short enough.
std::int64_t largest_repeat(const std::string& pattern, RegexOptions options, std::int64_t max) {
  std::int64_t low = 0;
  std::int64_t high = max;
  while (low < high) {
    options.max_repeat = (low + high + 1) / 2;
    const bool fits = measure_regex(pattern, options).max <= max;
    (fits ? low : high) = fits ? options.max_repeat : options.max_repeat - 1;
  }
  return low;
}

NodeId string_of_pattern(SchemaCompiler& compiler, const JsonView& keyword,
                         const std::string& pattern, const Length& length) {
  RegexOptions options = {.source = keyword.source() + ": " + keyword.pointer(),
                          .spelling = Spelling::kInJsonString,
                          .match = RegexMatch::kPart};
  if (length.max != kUnlimited && measure_regex(pattern, options).max > length.max) {
    options.max_repeat = largest_repeat(pattern, options, length.max);
  }
  const LengthRange found = measure_regex(pattern, options);
  if (found.min < length.min || (length.max != kUnlimited && found.max > length.max)) {
    fail_schema(keyword, fmt::format("minLength and maxLength beside it are only supported where "
                                     "its bounds can keep to them: it has texts of {} to {} "
                                     "characters",
                                     found.min, found.max));
  }
  return quoted(compiler.grammar(), add_regex(compiler.grammar(), pattern, options));
}

NodeId string_of_format(SchemaCompiler& compiler, const JsonView& keyword, const Length& length) {
  const std::string pattern = pattern_of_format(keyword.as_string());
  if (pattern.empty()) {
    keyword.fail_expected("one of the formats " + known_formats());
  }
  return string_of_pattern(compiler, keyword, pattern, length);
}

bool is_smaller(const Decimal& a, const Decimal& b) {
  if (a.is_negative != b.is_negative) {
    return a.is_negative;
  }
  const bool is_less = a.integer != b.integer ? a.integer < b.integer : a.fraction < b.fraction;
  const bool is_equal = a.integer == b.integer && a.fraction == b.fraction;
  return !is_equal && is_less != a.is_negative;
}

std::optional<Bound> bound_of(const JsonView& schema, const char* keyword, bool is_exclusive) {
  const std::optional<JsonView> value = schema.get(keyword);
  if (!value.has_value()) {
    return std::nullopt;
  }
  std::optional<Decimal> decimal;
  if (value->value().is_integer()) {
    const std::int64_t integer = value->value().integer();
    if (integer > -Decimal::kMaxInteger && integer < Decimal::kMaxInteger) {
      decimal = Decimal{.is_negative = integer < 0, .integer = std::abs(integer), .fraction = ""};
    }
  } else {
    decimal = to_decimal(value->as_finite());
  }
  if (!decimal.has_value()) {
    value->fail_expected("a number of at most 18 digits before and 60 behind the point");
  }
  return Bound{.value = *decimal, .is_exclusive = is_exclusive};
}

// The one that leaves less, of a bound and its exclusive form.
std::optional<Bound> tighter(const std::optional<Bound>& bound,
                             const std::optional<Bound>& exclusive, bool is_upper) {
  if (!bound.has_value() || !exclusive.has_value()) {
    return bound.has_value() ? bound : exclusive;
  }
  const bool is_inside = is_upper ? is_smaller(bound->value, exclusive->value)
                                  : is_smaller(exclusive->value, bound->value);
  return is_inside ? bound : exclusive;
}

}  // namespace

NodeId convert_string(SchemaCompiler& compiler, const JsonView& schema) {
  const std::optional<JsonView> pattern = schema.get("pattern");
  const std::optional<JsonView> format = schema.get("format");
  const Length length = {.min = count_of(schema, "minLength", 0),
                         .max = count_of(schema, "maxLength", kUnlimited)};
  if (pattern.has_value() && format.has_value()) {
    fail_schema(schema, "pattern and format are not supported at the same time");
  }
  if (pattern.has_value()) {
    return string_of_pattern(compiler, *pattern, pattern->as_string(), length);
  }
  if (format.has_value()) {
    return string_of_format(compiler, *format, length);
  }
  if (length.min == 0 && length.max == kUnlimited) {
    return compiler.json().string();
  }
  if (length.max != kUnlimited && length.max < length.min) {
    return compiler.grammar().alternatives({});
  }
  return quoted(compiler.grammar(),
                compiler.grammar().repeat(compiler.json().character(), length.min, length.max));
}

NodeId convert_number(SchemaCompiler& compiler, const JsonView& schema, const std::string& type) {
  const std::optional<Bound> min = tighter(bound_of(schema, "minimum", false),
                                           bound_of(schema, "exclusiveMinimum", true), false);
  const std::optional<Bound> max =
      tighter(bound_of(schema, "maximum", false), bound_of(schema, "exclusiveMaximum", true), true);
  const bool is_integer = type == "integer";
  if (!min.has_value() && !max.has_value()) {
    return is_integer ? compiler.json().integer() : compiler.json().number();
  }
  return is_integer ? add_integer_range(compiler.grammar(), min, max)
                    : add_number_range(compiler.grammar(), min, max);
}

}  // namespace minimax::grammar
