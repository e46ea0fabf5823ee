// SPDX-License-Identifier: Apache-2.0
#include "support/expert_counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/check.h"

namespace minimax::apps {
namespace {

struct Place {
  std::size_t layer = 0;
  std::size_t expert = 0;
  std::int64_t rows = 0;
};

// The number behind `word` in a name.
std::optional<std::size_t> number_behind(std::string_view name, std::string_view word) {
  const std::size_t at = name.find(word);
  std::size_t number = 0;
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const char* begin = name.data() + at + word.size();
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), number);
  constexpr std::size_t kMost = 1 << 16;
  return error == std::errc() && number < kMost ? std::optional(number) : std::nullopt;
}

std::vector<Place> places_of(const convert::ImportanceMatrix& matrix) {
  std::vector<Place> places;
  for (const auto& [name, input] : matrix.inputs()) {
    const std::optional<std::size_t> layer = number_behind(name, "model.layers.");
    const std::optional<std::size_t> expert = number_behind(name, ".experts.");
    if (layer && expert && name.ends_with(".w1.weight")) {
      places.push_back({.layer = *layer, .expert = *expert, .rows = input.rows});
    }
  }
  return places;
}

}  // namespace

std::vector<std::int64_t> expert_counts(const convert::ImportanceMatrix& matrix) {
  const std::vector<Place> places = places_of(matrix);
  base::check(!places.empty(), ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected inputs of experts, found none", matrix.source());
  });
  const std::size_t layers = std::ranges::max(places, {}, &Place::layer).layer + 1;
  const std::size_t experts = std::ranges::max(places, {}, &Place::expert).expert + 1;
  std::vector<std::int64_t> counts(layers * experts, 0);
  for (const Place& place : places) {
    counts[place.layer * experts + place.expert] = place.rows;
  }
  return counts;
}

}  // namespace minimax::apps
