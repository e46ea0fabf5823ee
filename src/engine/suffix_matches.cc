// SPDX-License-Identifier: Apache-2.0
#include "engine/suffix_matches.h"

#include <algorithm>

namespace minimax::engine {

std::vector<std::int64_t> suffix_matches(std::span<const std::int32_t> ids, std::int64_t most) {
  const auto size = static_cast<std::int64_t>(ids.size());
  const auto from_end = [&](std::int64_t i) { return ids[static_cast<std::size_t>(size - 1 - i)]; };
  std::vector<std::int64_t> matches(ids.size() + 1);
  std::int64_t begin = 0;  // of the match that reaches furthest, counted from the end
  std::int64_t end = 0;
  const auto at = [&](std::int64_t i) -> std::int64_t& {
    return matches[static_cast<std::size_t>(size - i)];
  };
  for (std::int64_t i = 1; i < size; ++i) {
    std::int64_t length = i < end ? std::min(end - i, at(i - begin)) : 0;
    while (length < most && i + length < size && from_end(length) == from_end(i + length)) {
      ++length;
    }
    at(i) = length;
    if (i + length > end) {
      begin = i;
      end = i + length;
    }
  }
  return matches;
}

}  // namespace minimax::engine
