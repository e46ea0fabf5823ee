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

NodeId string_of_pattern(SchemaCompiler& compiler, const JsonView& keyword,
                         const std::string& pattern) {
  const RegexOptions options = {.source = keyword.source() + ": " + keyword.pointer(),
                                .spelling = Spelling::kInJsonString,
                                .match = RegexMatch::kPart};
  return quoted(compiler.grammar(), add_regex(compiler.grammar(), pattern, options));
}

NodeId string_of_format(SchemaCompiler& compiler, const JsonView& keyword) {
  const std::string pattern = pattern_of_format(keyword.as_string());
  if (pattern.empty()) {
    keyword.fail_expected("one of the formats " + known_formats());
  }
  return string_of_pattern(compiler, keyword, pattern);
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
  const std::int64_t min = count_of(schema, "minLength", 0);
  const std::int64_t max = count_of(schema, "maxLength", kUnlimited);
  const bool has_length = min > 0 || max != kUnlimited;
  if (int{pattern.has_value()} + int{format.has_value()} + int{has_length} > 1) {
    fail_schema(schema,
                "only one of pattern, format, and minLength with maxLength is supported at a time");
  }
  if (pattern.has_value()) {
    return string_of_pattern(compiler, *pattern, pattern->as_string());
  }
  if (format.has_value()) {
    return string_of_format(compiler, *format);
  }
  if (!has_length) {
    return compiler.json().string();
  }
  if (max != kUnlimited && max < min) {
    return compiler.grammar().alternatives({});
  }
  return quoted(compiler.grammar(),
                compiler.grammar().repeat(compiler.json().character(), min, max));
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
