// SPDX-License-Identifier: Apache-2.0
// The filters that give numbers, and the few that take any value.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/text_operations.h"

namespace minimax::text::jinja {
namespace {

// A number as Python's int() and float() read it: white space around, underscores between digits.
std::optional<std::string> cleaned(Heap& heap, const Text& text) {
  const std::string_view bytes = strip(heap, text, nullptr, Sides::kBoth)->bytes;
  if (bytes.empty() || bytes.size() > 400 || bytes.starts_with('_') || bytes.ends_with('_') ||
      bytes.find("__") != bytes.npos) {
    return std::nullopt;
  }
  std::string out(bytes);
  std::erase(out, '_');
  if (out.starts_with('+') && out.size() > 1 && out[1] != '-' && out[1] != '+') {
    out.erase(0, 1);
  }
  return out;
}

std::optional<std::int64_t> parse_integer(Heap& heap, const Text& text, int base) {
  const std::optional<std::string> digits = cleaned(heap, text);
  if (!digits) {
    return std::nullopt;
  }
  const bool is_negative = digits->starts_with('-');
  std::string_view body = std::string_view(*digits).substr(is_negative ? 1 : 0);
  const char kind = body.size() > 2 && body[0] == '0' ? static_cast<char>(body[1] | 0x20) : '\0';
  const bool has_prefix =
      (kind == 'x' && base == 16) || (kind == 'o' && base == 8) || (kind == 'b' && base == 2);
  body.remove_prefix(has_prefix ? 2 : 0);
  std::int64_t value = 0;
  const auto result = std::from_chars(body.data(), body.data() + body.size(), value, base);
  const bool is_whole = result.ptr == body.data() + body.size() && !body.starts_with('-');
  if (result.ec == std::errc::result_out_of_range) {
    fail("int: an integer exceeds 64 bits");
  }
  if (result.ec != std::errc() || !is_whole) {
    return std::nullopt;
  }
  return is_negative ? -value : value;
}

std::optional<double> parse_float(Heap& heap, const Text& text) {
  const std::optional<std::string> digits = cleaned(heap, text);
  if (!digits) {
    return std::nullopt;
  }
  return parse_double(*digits);
}

Value to_integer(double value, const Value& fallback) {
  if (!std::isfinite(value)) {
    return fallback;
  }
  if (std::abs(value) >= 0x1p63) {
    fail("int: a number exceeds 64 bits");
  }
  return static_cast<std::int64_t>(value);
}

Value int_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("int", arguments, {"default", "base"});
  const Value fallback = bound.get_or(0, std::int64_t{0});
  const std::int64_t base = bound.integer_or(1, 10);
  if (is_undefined(subject)) {
    fail_undefined(std::get<Undefined>(subject));
  }
  if (is_integral(subject)) {
    return as_integer(subject);
  }
  if (is<double>(subject)) {
    return to_integer(std::get<double>(subject), fallback);
  }
  if (!is_text(subject) || base < 2 || base > 36) {
    return fallback;
  }
  const auto whole = parse_integer(runtime.heap(), as_text(subject), static_cast<int>(base));
  if (whole) {
    return *whole;
  }
  const auto number = parse_float(runtime.heap(), as_text(subject));
  return number ? to_integer(*number, fallback) : fallback;
}

Value float_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("float", arguments, {"default"});
  const Value fallback = bound.get_or(0, 0.0);
  if (is_undefined(subject)) {
    fail_undefined(std::get<Undefined>(subject));
  }
  if (is_number(subject)) {
    return as_double(subject);
  }
  const auto number =
      is_text(subject) ? parse_float(runtime.heap(), as_text(subject)) : std::nullopt;
  return number ? Value(*number) : fallback;
}

void expect_number(const Value& value, std::string_view what) {
  if (is_undefined(value)) {
    fail_undefined(std::get<Undefined>(value));
  }
  if (!is_number(value)) {
    fail(fmt::format("{}: expected a number, found {}", what, type_name(value)));
  }
}

Value abs_filter(Runtime&, const Value& subject, const Arguments&) {
  expect_number(subject, "abs");
  const bool is_negative = as_double(subject) < 0;
  return apply(is_negative ? UnaryOperator::kMinus : UnaryOperator::kPlus, subject);
}

// Python rounds the decimal value exactly, halves to even; printing with so many digits does that.
double round_common(double value, std::int64_t precision) {
  if (!std::isfinite(value)) {
    return value;
  }
  if (precision >= 0) {
    const std::string text = fmt::format("{:.{}f}", value, std::min<std::int64_t>(precision, 300));
    double rounded = 0;
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    return rounded;
  }
  const double scale = std::pow(10.0, static_cast<double>(std::min<std::int64_t>(-precision, 300)));
  return std::nearbyint(value / scale) * scale;
}

Value round_filter(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound("round", arguments, {"precision", "method"});
  const std::int64_t precision = bound.integer_or(0, 0);
  const std::string_view method = bound.get(1) == nullptr ? "common" : bound.require_text(1).bytes;
  expect_number(subject, "round");
  if (method == "common") {
    const double rounded = round_common(as_double(subject), precision);
    return is_integral(subject) ? Value(static_cast<std::int64_t>(rounded)) : Value(rounded);
  }
  if (method != "ceil" && method != "floor") {
    fail("round: method must be common, ceil or floor");
  }
  const double scale = std::pow(10.0, static_cast<double>(std::min<std::int64_t>(precision, 300)));
  const double scaled = as_double(subject) * scale;
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale;
}

Value default_filter(Runtime&, const Value& subject, const Arguments& arguments) {
  static const Text kEmpty;
  const Bound bound("default", arguments, {"default_value", "boolean"});
  const bool is_absent = is_undefined(subject) || (bound.truthy_or(1, false) && !truthy(subject));
  return is_absent ? bound.get_or(0, &kEmpty) : subject;
}

Value attr_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("attr", arguments, {"name"});
  const Text& name = bound.require_text(0);
  if (is_dict(subject) && find_method(subject, name.bytes).function == nullptr) {
    return Undefined{runtime.heap().make<UndefinedInfo>(UndefinedInfo{name.bytes, "dict", false})};
  }
  return runtime.attribute(subject, name);
}

constexpr NamedBuiltin kFilters[] = {
    {"abs", abs_filter},         {"attr", attr_filter},   {"d", default_filter},
    {"default", default_filter}, {"float", float_filter}, {"int", int_filter},
    {"round", round_filter},
};

}  // namespace

std::span<const NamedBuiltin> number_filters() { return kFilters; }

}  // namespace minimax::text::jinja
