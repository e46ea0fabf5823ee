// SPDX-License-Identifier: Apache-2.0
// Checks of option values whose messages say what was expected and what was found.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace minimax::apps {

/// A whole number in decimal from `min` to `max`.
CLI::Validator whole_number(std::int64_t min, std::int64_t max);

enum class Bound { kIncluded, kExcluded };

/// A finite number from `min` to `max`; the bounds themselves may be excluded.
CLI::Validator number(double min, double max, Bound lower = Bound::kIncluded,
                      Bound upper = Bound::kIncluded);

/// One of the words. Near misses are suggested.
CLI::Validator one_of(std::vector<std::string> words);

/// The value as a number, or nothing where it is not exactly one.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);

}  // namespace minimax::apps
