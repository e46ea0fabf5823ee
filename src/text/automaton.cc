// SPDX-License-Identifier: Apache-2.0
#include "text/automaton.h"

#include <algorithm>
#include <numeric>

namespace minimax::text {

Automaton::Automaton(const std::vector<std::string>& patterns)
    : nodes_(1), shorter_(patterns.size(), -1) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    insert(patterns[i], static_cast<std::int32_t>(i));
  }
  // Nodes are linked by growing depth: a fallback is always shallower than its node.
  std::size_t longest = 0;
  for (const std::string& pattern : patterns) {
    longest = std::max(longest, pattern.size());
  }
  std::vector<std::size_t> open(patterns.size());
  std::iota(open.begin(), open.end(), std::size_t{0});
  std::vector<State> at(patterns.size(), kRoot);
  std::vector<bool> linked(nodes_.size(), false);
  for (std::size_t depth = 0; depth < longest; ++depth) {
    std::erase_if(open, [&](std::size_t i) { return patterns[i].size() <= depth; });
    for (const std::size_t i : open) {
      const auto byte = static_cast<unsigned char>(patterns[i][depth]);
      const State parent = at[i];
      at[i] = parent == kRoot ? first_[byte] : static_cast<State>(*edges_.find(edge(parent, byte)));
      if (!linked[index(at[i])]) {
        link(at[i], parent, byte);
        linked[index(at[i])] = true;
      }
    }
  }
}

void Automaton::insert(const std::string& pattern, std::int32_t number) {
  State state = kRoot;
  for (const char c : pattern) {
    const auto byte = static_cast<unsigned char>(c);
    State child = first_[byte];
    if (state != kRoot) {
      const std::uint64_t* found = edges_.find(edge(state, byte));
      child = found == nullptr ? kRoot : static_cast<State>(*found);
    }
    if (child == kRoot) {
      child = static_cast<State>(nodes_.size());
      nodes_.push_back({.depth = nodes_[index(state)].depth + 1});
      if (state == kRoot) {
        first_[byte] = child;
      } else {
        edges_.set(edge(state, byte), static_cast<std::uint64_t>(child));
      }
    }
    state = child;
  }
  Node& node = nodes_[index(state)];
  node.match = node.match < 0 ? number : node.match;
}

void Automaton::link(State node, State parent, unsigned char byte) {
  Node& n = nodes_[index(node)];
  n.fallback = parent == kRoot ? kRoot : next(nodes_[index(parent)].fallback, byte);
  const std::int32_t shorter = nodes_[index(n.fallback)].match;
  if (n.match >= 0) {
    shorter_[static_cast<std::size_t>(n.match)] = shorter;
  } else {
    n.match = shorter;
  }
}

Automaton::State Automaton::next(State state, unsigned char byte) const {
  while (state != kRoot) {
    if (const std::uint64_t* child = edges_.find(edge(state, byte))) {
      return static_cast<State>(*child);
    }
    state = nodes_[index(state)].fallback;
  }
  return first_[byte];
}

}  // namespace minimax::text
