// SPDX-License-Identifier: Apache-2.0
#include "engine/logits_penalties.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "engine/logits_processors.h"
#include "engine/suffix_matches.h"

namespace minimax::engine {
namespace {

void add(double change, std::int32_t id, std::span<float> scores) {
  constexpr double kMost = std::numeric_limits<float>::max();
  float& score = scores[static_cast<std::size_t>(id)];
  if (score != kForbidden) {
    score = static_cast<float>(std::clamp(double{score} + change, -kMost, kMost));
  }
}

}  // namespace

void add_bias(const std::map<std::int32_t, double>& bias, std::span<float> scores) {
  for (const auto& [id, change] : bias) {
    add(change, id, scores);
  }
}

void penalize_frequency(double frequency, double presence, std::span<const std::int32_t> generated,
                        std::span<float> scores) {
  std::unordered_map<std::int32_t, std::int64_t> counts;
  for (const std::int32_t id : generated) {
    ++counts[id];
  }
  for (const auto& [id, count] : counts) {
    add(-static_cast<double>(count) * frequency - presence, id, scores);
  }
}

void penalize_continuation(const DryRule& rule, std::span<const std::int32_t> input_ids,
                           std::span<float> scores) {
  constexpr std::int64_t kLongest = 50;  // more would leave the range of the exponential
  const auto is_breaker = [&](std::int32_t id) {
    return std::ranges::find(rule.breakers, id) != rule.breakers.end();
  };
  if (rule.last_n >= 0 && rule.last_n < std::ssize(input_ids)) {
    input_ids = input_ids.last(static_cast<std::size_t>(rule.last_n));
  }
  const auto breaker = std::find_if(input_ids.rbegin(), input_ids.rend(), is_breaker);
  const std::int64_t longest = std::min<std::int64_t>(breaker - input_ids.rbegin(), kLongest);
  if (longest < std::max<std::int64_t>(rule.allowed_length, 1)) {
    return;
  }
  const std::vector<std::int64_t> matches = suffix_matches(input_ids, longest);
  std::unordered_map<std::int32_t, std::int64_t> best;  // the longest match before each token
  for (std::size_t i = 0; i < input_ids.size(); ++i) {
    if (matches[i] >= std::max<std::int64_t>(rule.allowed_length, 1) && !is_breaker(input_ids[i])) {
      std::int64_t& length = best[input_ids[i]];
      length = std::max(length, matches[i]);
    }
  }
  for (const auto& [id, length] : best) {
    add(-rule.multiplier * std::pow(rule.base, static_cast<double>(length - rule.allowed_length)),
        id, scores);
  }
}

}  // namespace minimax::engine
