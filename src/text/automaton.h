// SPDX-License-Identifier: Apache-2.0
// Finding many strings at once in one pass (Aho and Corasick, 1975). Its use decides what a match
// is: stop_matcher.cc wants the first that ends, added_tokens.cc the longest that starts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "text/flat_map.h"

namespace minimax::text {

/// The state after some bytes is the longest suffix of them that some pattern starts with.
/// Thread safety: const methods may run on several threads.
class Automaton {
 public:
  using State = std::int32_t;
  static constexpr State kRoot = 0;

  /// Equal patterns count as the first of them. Requires: no pattern is empty.
  explicit Automaton(const std::vector<std::string>& patterns);

  /// The state after one more byte. Constant time on average over a text.
  State next(State state, unsigned char byte) const;

  /// The length of the suffix that the state stands for, in bytes.
  std::int64_t depth(State state) const { return nodes_[index(state)].depth; }

  /// The longest pattern that ends here, or -1.
  std::int32_t longest_match(State state) const { return nodes_[index(state)].match; }

  /// The longest pattern that is a proper suffix of `pattern`, or -1.
  std::int32_t shorter_match(std::int32_t pattern) const {
    return shorter_[static_cast<std::size_t>(pattern)];
  }

 private:
  struct Node {
    State fallback = kRoot;  // the longest proper suffix that some pattern starts with
    std::int32_t depth = 0;
    std::int32_t match = -1;
  };

  static std::size_t index(State state) { return static_cast<std::size_t>(state); }
  static std::uint64_t edge(State state, unsigned char byte) {
    return static_cast<std::uint64_t>(state) << 8 | byte;
  }
  void insert(const std::string& pattern, std::int32_t number);
  void link(State node, State parent, unsigned char byte);

  std::vector<Node> nodes_;
  FlatMap edges_;                      // (node, byte) to node, but not from the root
  std::array<State, 256> first_{};     // edges of the root, kRoot where there is none
  std::vector<std::int32_t> shorter_;  // by pattern
};

}  // namespace minimax::text
