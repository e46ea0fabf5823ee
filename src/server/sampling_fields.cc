// SPDX-License-Identifier: Apache-2.0
#include "server/sampling_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>

#include "base/check.h"

namespace minimax::server {
namespace {

constexpr double kLargest = std::numeric_limits<std::int32_t>::max();

constexpr NumberField kFields[] = {
    {"temperature", {0.0, 100.0}, false, "0 always takes the likeliest token"},
    {"top_p", {0.0, 1.0, true}, false, "Keeps the likeliest tokens that have this probability"},
    {"top_k", {-1.0, kLargest}, true, "Keeps so many tokens; -1 and 0: all"},
    {"min_p", {0.0, 1.0}, false, "Keeps what has this part of the probability of the likeliest"},
    {"typical_p", {0.0, 1.0, true}, false, "Keeps tokens of about the expected surprise"},
    {"typical", {0.0, 1.0, true}, false, "Another name of typical_p"},
    {"frequency_penalty", {-2.0, 2.0}, false, "For every time a token was written"},
    {"presence_penalty", {-2.0, 2.0}, false, "For tokens that were written"},
    {"repetition_penalty", {0.0, 100.0, true}, false, "A divisor for tokens that were there"},
    {"no_repeat_ngram_size", {0.0, kLargest}, true, "Never writes so many tokens twice; 0: off"},
    {"min_tokens", {0.0, kLargest}, true, "Before an answer may end"},
    {"dry_multiplier", {0.0, 100.0}, false, "Of the penalty for going on as before; 0: off"},
    {"dry_base", {1.0, 100.0}, false, "How the penalty grows with every token"},
    {"dry_allowed_length", {1.0, kLargest}, true, "Tokens that may be repeated"},
    {"dry_penalty_last_n", {-1.0, kLargest}, true, "Tokens that are looked back; -1: all"},
    {"xtc_probability", {0.0, 1.0}, false, "Of leaving out all but the last likely token"},
    {"xtc_threshold", {0.0, 1.0}, false, "From which a token counts as likely"},
};

const NumberField& field(std::string_view name) {
  const auto* found = std::ranges::find(kFields, name, &NumberField::name);
  base::check(found != std::end(kFields), ErrorCode::kInvalidArgument,
              [&] { return fmt::format("{} is not in the table of fields", name); });
  return *found;
}

}  // namespace

std::span<const NumberField> sampling_fields() { return kFields; }

std::optional<double> sampling_number(const Fields& fields, std::string_view name) {
  return fields.number(name, field(name).range);
}

std::optional<std::int64_t> sampling_integer(const Fields& fields, std::string_view name) {
  const Range& range = field(name).range;
  return fields.integer(name, static_cast<std::int64_t>(range.min),
                        static_cast<std::int64_t>(range.max));
}

}  // namespace minimax::server
