// SPDX-License-Identifier: Apache-2.0
// The body of one rule as a nondeterministic automaton over bytes and calls of other rules, and
// the same without empty steps, deterministic where that is not much larger.
#pragma once

#include <cstdint>
#include <vector>

namespace minimax::grammar {

struct NfaEdge {
  enum class Kind : std::uint8_t { kEmpty, kBytes, kCall };
  Kind kind = Kind::kEmpty;
  std::uint8_t first = 0;  // of kBytes: the range, inclusive
  std::uint8_t last = 0;
  std::int32_t rule = 0;  // of kCall
  std::int32_t target = 0;
};

/// Thompson's construction; state 0 is the start and state 1 the end.
class Nfa {
 public:
  static constexpr std::int32_t kStart = 0;
  static constexpr std::int32_t kEnd = 1;

  Nfa() : edges_(2) {}
  std::int32_t add_state();
  void add(std::int32_t from, const NfaEdge& edge);
  std::int32_t size() const { return static_cast<std::int32_t>(edges_.size()); }
  const std::vector<NfaEdge>& edges(std::int32_t state) const {
    return edges_[static_cast<std::size_t>(state)];
  }

 private:
  std::vector<std::vector<NfaEdge>> edges_;
};

/// A state without empty steps. Where it is deterministic, the ranges of bytes are disjoint and no
/// rule is called twice.
struct FlatState {
  std::vector<NfaEdge> bytes;
  std::vector<NfaEdge> calls;
  bool accepting = false;
};

/// State 0 is the start. `budget` counts down the steps that may be taken; negative: too many, and
/// the result is empty.
std::vector<FlatState> flatten(const Nfa& nfa, std::int64_t& budget);

}  // namespace minimax::grammar
