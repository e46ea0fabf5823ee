// SPDX-License-Identifier: Apache-2.0
#include "support/suggest.h"

#include <algorithm>

namespace minimax::apps {
namespace {

// Longer words are no misspelling of ours, and the distance costs the product of the lengths.
constexpr std::size_t kLongestWord = 64;

}  // namespace

std::int64_t edit_distance(std::string_view from, std::string_view to) {
  const std::size_t columns = to.size() + 1;
  // Three rows of the table of distances between prefixes: of i - 2, i - 1 and i letters.
  std::vector<std::int64_t> two_back(columns);
  std::vector<std::int64_t> back(columns);
  std::vector<std::int64_t> row(columns);
  for (std::size_t j = 0; j < columns; ++j) {
    row[j] = static_cast<std::int64_t>(j);
  }
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::swap(two_back, back);
    std::swap(back, row);
    row[0] = static_cast<std::int64_t>(i);
    for (std::size_t j = 1; j < columns; ++j) {
      const std::int64_t replaced = back[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, back[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
        row[j] = std::min(row[j], two_back[j - 2] + 1);
      }
    }
  }
  return row.back();
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > kLongestWord) {
    return "";
  }
  std::string best;
  // One edit in three letters at most, so that short words do not turn into anything.
  std::int64_t best_distance =
      std::max<std::int64_t>(static_cast<std::int64_t>(word.size()) / 3, 1);
  for (const std::string& candidate : known) {
    const std::int64_t distance = edit_distance(word, candidate);
    if (distance < best_distance || (distance == best_distance && best.empty())) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace minimax::apps
