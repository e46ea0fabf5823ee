// SPDX-License-Identifier: Apache-2.0
#include "grammar/token_trie.h"

#include <algorithm>

namespace minimax::grammar {

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const std::size_t length = std::min(a.size(), b.size());
  std::size_t common = 0;
  while (common < length && a[common] == b[common]) {
    ++common;
  }
  return common;
}

TokenTrie::TokenTrie(std::span<const std::string> tokens) {
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].empty()) {
      ids_.push_back(static_cast<std::int32_t>(id));
    }
  }
  const auto text = [&](std::int32_t id) {
    return std::string_view(tokens[static_cast<std::size_t>(id)]);
  };
  std::sort(ids_.begin(), ids_.end(), [&](std::int32_t a, std::int32_t b) {
    return std::pair(text(a), a) < std::pair(text(b), b);
  });
  std::vector<std::size_t> path;  // the nodes of the token before
  std::string_view before;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    const std::string_view token = text(ids_[i]);
    const std::size_t common = common_prefix(before, token);
    for (; path.size() > common; path.pop_back()) {
      nodes_[path.back()].end = static_cast<std::int32_t>(nodes_.size());
    }
    for (std::size_t depth = common; depth < token.size(); ++depth) {
      path.push_back(nodes_.size());
      const auto position = static_cast<std::int32_t>(i);
      nodes_.push_back({.tokens_begin = position,
                        .own_end = position,
                        .depth = static_cast<std::uint16_t>(depth + 1),
                        .byte = static_cast<std::uint8_t>(token[depth])});
    }
    nodes_[path.back()].own_end = static_cast<std::int32_t>(i) + 1;
    before = token;
  }
  for (const std::size_t node : path) {
    nodes_[node].end = static_cast<std::int32_t>(nodes_.size());
  }
}

}  // namespace minimax::grammar
