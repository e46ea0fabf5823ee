// SPDX-License-Identifier: Apache-2.0
// Numbers between bounds, digit by digit and exact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "grammar/grammar.h"

namespace minimax::grammar {

/// A number written in decimal. Zero is not negative.
struct Decimal {
  /// Parts before the point are smaller than this.
  static constexpr std::int64_t kMaxInteger = 1'000'000'000'000'000'000;

  bool is_negative = false;
  std::int64_t integer = 0;  // the part before the point, without the sign
  std::string fraction;      // the digits behind the point, without zeros at the end
};

/// nullopt for a number of more than 18 digits before or 60 behind the point.
std::optional<Decimal> to_decimal(double value);

struct Bound {
  Decimal value;
  bool is_exclusive = false;
};

/// Numbers without an exponent, from `min` to `max`. No leading zeros, no "-0".
NodeId add_number_range(Grammar& grammar, const std::optional<Bound>& min,
                        const std::optional<Bound>& max);

/// The same without a point: bounds that are no integers stand for the next one inside.
NodeId add_integer_range(Grammar& grammar, const std::optional<Bound>& min,
                         const std::optional<Bound>& max);

}  // namespace minimax::grammar
