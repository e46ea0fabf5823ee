// SPDX-License-Identifier: Apache-2.0
#include "support/validators.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "base/file.h"
#include "support/suggest.h"

namespace minimax::apps {
namespace {

template <class Number>
std::optional<Number> parse_whole(std::string_view text) {
  Number value{};
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || stop != end) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  return parse_whole<std::int64_t>(text);
}

std::optional<double> parse_number(std::string_view text) {
  const std::optional<double> value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

CLI::Validator whole_number(std::int64_t min, std::int64_t max) {
  return CLI::Validator(
      [min, max](std::string& text) {
        const std::optional<std::int64_t> value = parse_integer(text);
        if (value && *value >= min && *value <= max) {
          text = std::to_string(*value);  // so that leading zeros do not mean octal
          return std::string();
        }
        return fmt::format("expected a whole number from {} to {}, found {}", min, max,
                           base::printable(text));
      },
      "");
}

CLI::Validator number(double min, double max, Bound lower, Bound upper) {
  return CLI::Validator(
      [=](std::string& text) {
        const std::optional<double> value = parse_number(text);
        const bool high_enough =
            value && (lower == Bound::kIncluded ? *value >= min : *value > min);
        const bool low_enough = value && (upper == Bound::kIncluded ? *value <= max : *value < max);
        if (high_enough && low_enough) {
          return std::string();
        }
        return fmt::format("expected a number {} {} and {} {}, found {}",
                           lower == Bound::kIncluded ? "of at least" : "above", min,
                           upper == Bound::kIncluded ? "at most" : "below", max,
                           base::printable(text));
      },
      "");
}

CLI::Validator one_of(std::vector<std::string> words) {
  const std::string shape = fmt::format("{}", fmt::join(words, "|"));
  return CLI::Validator(
      [words = std::move(words), shape](std::string& text) {
        for (const std::string& word : words) {
          if (word == text) {
            return std::string();
          }
        }
        const std::string nearest = nearest_word(text, words);
        return fmt::format("expected one of {}, found {}{}", shape, base::printable(text),
                           nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest));
      },
      "");
}

}  // namespace minimax::apps
