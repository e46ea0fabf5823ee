// SPDX-License-Identifier: Apache-2.0
// The parts of compile_automaton(): rules to states, and what is checked on the whole.
#pragma once

#include <string>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/nfa.h"

namespace minimax::grammar {

/// A rule whose states are not yet in the table.
struct DraftRule {
  std::string name;
  std::vector<FlatState> states;  // state 0 is the start; none for a counter
  Counter counter;                // where `is_counter`
  bool is_counter = false;
};

struct Draft {
  std::string source;
  std::int32_t root = 0;
  bool root_is_nullable = false;
  std::vector<DraftRule> rules;
};

/// The rules that the root reaches. Throws as compile_automaton().
Draft draft_rules(const Grammar& grammar);

/// Takes away the edges from which the end cannot be reached.
/// Throws: Error{kInvalidArgument} where nothing is left.
void remove_dead_ends(Draft& draft);

/// The place of each rule in an order in which callers at the start come first.
/// Throws: Error{kInvalidArgument} naming a rule that comes back to its own start.
std::vector<std::int32_t> order_of_calls(const Draft& draft);

}  // namespace minimax::grammar
