// SPDX-License-Identifier: Apache-2.0
// A grammar compiled into one table of states: a pushdown automaton over bytes. What runs it is in
// configurations.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grammar/grammar.h"

namespace minimax::grammar {

using StateId = std::int32_t;

struct ByteEdge {
  std::uint8_t first = 0;
  std::uint8_t last = 0;  // inclusive
  StateId target = 0;
};

/// Runs a rule, and goes on in `target` at its end. A call takes at least one byte: where the rule
/// matches the empty text too, the caller has the steps of `target` itself.
struct CallEdge {
  std::int32_t rule = 0;
  StateId target = 0;
};

/// A state that runs a rule again and again and counts. Between min and max times it may end.
struct Counter {
  std::int32_t rule = 0;
  std::int32_t min = 0;
  std::int32_t max = 0;  // or kUnlimited
};

struct State {
  std::int32_t bytes_begin = 0;
  std::int32_t bytes_end = 0;
  std::int32_t calls_begin = 0;
  std::int32_t calls_end = 0;
  std::int32_t counter = -1;  // counters[counter]; such a state has no edges of its own
  bool accepting = false;     // the rule may end here; of a counter, the count tells

  /// Nothing but the end of the rule can follow.
  bool is_tail() const {
    return accepting && counter < 0 && bytes_begin == bytes_end && calls_begin == calls_end;
  }
};

struct AutomatonRule {
  std::string name;
  StateId start = 0;
  std::int32_t order = 0;  // a rule comes before those that its start calls
};

/// From every state that edges lead to, the end can be reached.
struct Automaton {
  /// States that no rule has: behind the whole text, and behind an unknown caller.
  static constexpr StateId kEndState = 0;
  static constexpr StateId kEscapeState = 1;

  std::int32_t root = 0;
  std::vector<AutomatonRule> rules;
  std::vector<State> states;
  std::vector<ByteEdge> byte_edges;
  std::vector<CallEdge> call_edges;
  std::vector<Counter> counters;
  std::array<std::uint8_t, 256> byte_class = {};  // bytes that no edge tells apart share one
  std::int32_t class_count = 0;

  const State& state(StateId id) const { return states[static_cast<std::size_t>(id)]; }
  const Counter& counter(const State& state) const {
    return counters[static_cast<std::size_t>(state.counter)];
  }
  std::span<const ByteEdge> bytes(const State& state) const {
    return std::span(byte_edges)
        .subspan(static_cast<std::size_t>(state.bytes_begin),
                 static_cast<std::size_t>(state.bytes_end - state.bytes_begin));
  }
  std::span<const CallEdge> calls(const State& state) const {
    return std::span(call_edges)
        .subspan(static_cast<std::size_t>(state.calls_begin),
                 static_cast<std::size_t>(state.calls_end - state.calls_begin));
  }
  std::int64_t bytes_used() const;
};

/// In time that is bounded whatever the grammar is.
/// Throws: Error{kInvalidArgument} naming source and rule: a rule that is not defined, a rule that
/// calls itself before it takes a byte, a grammar that matches nothing or takes too many steps.
Automaton compile_automaton(const Grammar& grammar);

}  // namespace minimax::grammar
