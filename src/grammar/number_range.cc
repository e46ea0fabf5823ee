// SPDX-License-Identifier: Apache-2.0
#include "grammar/number_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

namespace minimax::grammar {
namespace {

enum class AtLeast { kNone, kOne };  // how many digits

/// A bound of numbers that are not negative.
struct UnsignedBound {
  std::int64_t integer = 0;
  std::string fraction;
  bool is_exclusive = false;
};

/// The digits behind a point: which of the bounds the digits so far are equal to.
struct Tight {
  bool low = false;
  bool high = false;
};

class RangeWriter {
 public:
  explicit RangeWriter(Grammar& grammar) : grammar_(grammar) {}

  /// Integers without leading zeros.
  NodeId integers(std::int64_t low, std::optional<std::int64_t> high) {
    std::vector<NodeId> parts;
    const std::string first = fmt::format("{}", low);
    const std::string last =
        high.has_value() ? fmt::format("{}", *high) : std::string(first.size(), '9');
    for (std::size_t length = first.size(); length <= last.size(); ++length) {
      const std::string from = length == first.size() ? first : "1" + std::string(length - 1, '0');
      const std::string to = length == last.size() ? last : std::string(length, '9');
      if (from <= to) {
        parts.push_back(between(from, to, 0));
      }
    }
    if (!high.has_value()) {
      parts.push_back(grammar_.sequence(
          {digits('1', '9'),
           grammar_.repeat(digits('0', '9'), static_cast<std::int64_t>(first.size()),
                           kUnlimited)}));
    }
    return grammar_.alternatives(parts);
  }

  /// Numbers with or without a fraction.
  NodeId numbers(const UnsignedBound& low, const std::optional<UnsignedBound>& high) {
    if (high.has_value() && high->integer < low.integer) {
      return nothing();
    }
    if (high.has_value() && high->integer == low.integer) {
      return grammar_.sequence({integer(low.integer), fraction(&low, &*high)});
    }
    std::vector<NodeId> parts = {
        grammar_.sequence({integer(low.integer), fraction(&low, nullptr)})};
    if (!high.has_value()) {
      parts.push_back(
          grammar_.sequence({integers(low.integer + 1, std::nullopt), fraction(nullptr, nullptr)}));
      return grammar_.alternatives(parts);
    }
    parts.push_back(grammar_.sequence({integer(high->integer), fraction(nullptr, &*high)}));
    if (high->integer - low.integer > 1) {
      parts.push_back(grammar_.sequence(
          {integers(low.integer + 1, high->integer - 1), fraction(nullptr, nullptr)}));
    }
    return grammar_.alternatives(parts);
  }

  NodeId nothing() { return grammar_.alternatives({}); }

 private:
  NodeId digits(char first, char last) {
    const ByteRange range = {static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(last)};
    return grammar_.bytes({&range, 1});
  }

  NodeId integer(std::int64_t value) { return grammar_.literal(fmt::format("{}", value)); }

  NodeId any_digits(std::size_t count) {
    const auto times = static_cast<std::int64_t>(count);
    return grammar_.repeat(digits('0', '9'), times, times);
  }

  // Numbers of one length: the digits from `from` to `to`, which agree before `i`.
  NodeId between(const std::string& from, const std::string& to, std::size_t i) {
    if (i == from.size()) {
      return grammar_.empty();
    }
    if (from[i] == to[i]) {
      return grammar_.sequence({digits(from[i], from[i]), between(from, to, i + 1)});
    }
    const std::string nines(from.size(), '9');
    const std::string zeros(from.size(), '0');
    std::vector<NodeId> parts = {
        grammar_.sequence({digits(from[i], from[i]), between(from, nines, i + 1)}),
        grammar_.sequence({digits(to[i], to[i]), between(zeros, to, i + 1)})};
    if (to[i] - from[i] > 1) {
      parts.push_back(
          grammar_.sequence({digits(static_cast<char>(from[i] + 1), static_cast<char>(to[i] - 1)),
                             any_digits(from.size() - i - 1)}));
    }
    return grammar_.alternatives(parts);
  }

  // What follows an integer part that is the one of the bounds given.
  NodeId fraction(const UnsignedBound* low, const UnsignedBound* high) {
    low_ = low;
    high_ = high;
    const Tight tight = {.low = low != nullptr, .high = high != nullptr};
    const NodeId point =
        grammar_.sequence({grammar_.literal("."), fraction_digits(0, tight, AtLeast::kOne)});
    return may_end(0, tight) ? grammar_.optional(point) : point;
  }

  static char digit_at(const std::string& fraction, std::size_t i) {
    return i < fraction.size() ? fraction[i] : '0';
  }

  bool may_end(std::size_t i, Tight tight) const {
    const bool is_low_enough = !tight.high || i < high_->fraction.size() || !high_->is_exclusive;
    return is_low_enough && (!tight.low || (i >= low_->fraction.size() && !low_->is_exclusive));
  }

  // The digits from place `i` on.
  NodeId fraction_digits(std::size_t i, Tight tight, AtLeast at_least) {
    const bool is_past_low = !tight.low || i >= low_->fraction.size();
    const bool is_past_high = !tight.high || i >= high_->fraction.size();
    if (is_past_low && is_past_high) {
      return last_digits(tight, at_least);
    }
    std::vector<NodeId> parts;
    if (at_least == AtLeast::kNone && may_end(i, tight)) {
      parts.push_back(grammar_.empty());
    }
    char from = tight.low ? digit_at(low_->fraction, i) : '0';
    char to = tight.high ? digit_at(high_->fraction, i) : '9';
    if (tight.low && tight.high && from >= to) {
      return from > to
                 ? nothing()
                 : grammar_.alternatives({grammar_.alternatives(parts), step(from, i, tight)});
    }
    if (tight.low) {
      parts.push_back(step(from++, i, {.low = true, .high = false}));
    }
    if (tight.high) {
      parts.push_back(step(to--, i, {.low = false, .high = true}));
    }
    if (from <= to) {
      parts.push_back(
          grammar_.sequence({digits(from, to), grammar_.repeat(digits('0', '9'), 0, kUnlimited)}));
    }
    return grammar_.alternatives(parts);
  }

  NodeId step(char digit, std::size_t i, Tight tight) {
    return grammar_.sequence({digits(digit, digit), fraction_digits(i + 1, tight, AtLeast::kNone)});
  }

  // Behind all digits of the bounds, of which the number so far is still equal to the tight ones.
  NodeId last_digits(Tight tight, AtLeast at_least) {
    const std::int64_t min = at_least == AtLeast::kOne ? 1 : 0;
    if (tight.high) {
      const bool is_excluded = high_->is_exclusive || (tight.low && low_->is_exclusive);
      return is_excluded ? nothing() : grammar_.repeat(digits('0', '0'), min, kUnlimited);
    }
    const NodeId any = grammar_.repeat(digits('0', '9'), 0, kUnlimited);
    if (tight.low && low_->is_exclusive) {
      const NodeId zeros = grammar_.repeat(digits('0', '0'), 0, kUnlimited);
      return grammar_.sequence({zeros, digits('1', '9'), any});
    }
    return grammar_.repeat(digits('0', '9'), min, kUnlimited);
  }

  Grammar& grammar_;
  const UnsignedBound* low_ = nullptr;
  const UnsignedBound* high_ = nullptr;
};

UnsignedBound without_sign(const Bound& bound) {
  return {.integer = bound.value.integer,
          .fraction = bound.value.fraction,
          .is_exclusive = bound.is_exclusive};
}

// The bounds of the numbers without their sign, on one side of zero.
struct Side {
  UnsignedBound low;
  std::optional<UnsignedBound> high;
};

std::optional<Side> positive_side(const std::optional<Bound>& min,
                                  const std::optional<Bound>& max) {
  if (max.has_value() && max->value.is_negative) {
    return std::nullopt;
  }
  Side side;
  if (min.has_value() && !min->value.is_negative) {
    side.low = without_sign(*min);
  }
  if (max.has_value()) {
    side.high = without_sign(*max);
  }
  return side;
}

// Without zero, which is on the other side.
std::optional<Side> negative_side(const std::optional<Bound>& min,
                                  const std::optional<Bound>& max) {
  if (min.has_value() && !min->value.is_negative) {
    return std::nullopt;
  }
  Side side;
  side.low.is_exclusive = true;
  if (max.has_value() && max->value.is_negative) {
    side.low = without_sign(*max);
  }
  if (min.has_value()) {
    side.high = without_sign(*min);
  }
  return side;
}

// The smallest integer that a lower bound allows.
std::int64_t first_integer(const UnsignedBound& low) {
  return low.integer + (!low.fraction.empty() || low.is_exclusive ? 1 : 0);
}

std::int64_t last_integer(const UnsignedBound& high) {
  return high.integer - (high.fraction.empty() && high.is_exclusive ? 1 : 0);
}

NodeId add_integers(RangeWriter& writer, const Side& side) {
  const std::int64_t low = first_integer(side.low);
  if (!side.high.has_value()) {
    return writer.integers(low, std::nullopt);
  }
  const std::int64_t high = last_integer(*side.high);
  return low <= high ? writer.integers(low, high) : writer.nothing();
}

}  // namespace

std::optional<Decimal> to_decimal(double value) {
  if (!std::isfinite(value) || std::abs(value) >= static_cast<double>(Decimal::kMaxInteger)) {
    return std::nullopt;
  }
  // The shortest digits that read back to the same number.
  std::string shortest(64, '\0');
  const auto result = std::to_chars(shortest.data(), shortest.data() + shortest.size(),
                                    std::abs(value), std::chars_format::fixed);
  if (result.ec != std::errc()) {
    return std::nullopt;
  }
  shortest.resize(static_cast<std::size_t>(result.ptr - shortest.data()));
  const std::size_t point = std::min(shortest.find('.'), shortest.size());
  Decimal decimal;
  decimal.is_negative = value < 0;
  std::from_chars(shortest.data(), shortest.data() + point, decimal.integer);
  if (point < shortest.size()) {
    decimal.fraction = shortest.substr(point + 1);
    decimal.fraction.resize(decimal.fraction.find_last_not_of('0') + 1);
  }
  return decimal;
}

NodeId add_number_range(Grammar& grammar, const std::optional<Bound>& min,
                        const std::optional<Bound>& max) {
  RangeWriter writer(grammar);
  std::vector<NodeId> parts;
  if (const std::optional<Side> side = positive_side(min, max); side.has_value()) {
    parts.push_back(writer.numbers(side->low, side->high));
  }
  if (const std::optional<Side> side = negative_side(min, max); side.has_value()) {
    parts.push_back(
        grammar.sequence({grammar.literal("-"), writer.numbers(side->low, side->high)}));
  }
  return grammar.alternatives(parts);
}

NodeId add_integer_range(Grammar& grammar, const std::optional<Bound>& min,
                         const std::optional<Bound>& max) {
  RangeWriter writer(grammar);
  std::vector<NodeId> parts;
  if (const std::optional<Side> side = positive_side(min, max); side.has_value()) {
    parts.push_back(add_integers(writer, *side));
  }
  if (const std::optional<Side> side = negative_side(min, max); side.has_value()) {
    parts.push_back(grammar.sequence({grammar.literal("-"), add_integers(writer, *side)}));
  }
  return grammar.alternatives(parts);
}

}  // namespace minimax::grammar
