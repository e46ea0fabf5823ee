// SPDX-License-Identifier: Apache-2.0
#include "grammar/automaton.h"

#include "grammar/automaton_builder.h"

namespace minimax::grammar {
namespace {

std::int32_t to_int32(std::size_t value) { return static_cast<std::int32_t>(value); }

void add_counter(const DraftRule& rule, Automaton& automaton) {
  automaton.states.push_back({.counter = to_int32(automaton.counters.size())});
  automaton.counters.push_back(rule.counter);
}

void add_states(const DraftRule& rule, Automaton& automaton) {
  const StateId base = to_int32(automaton.states.size());
  for (const FlatState& flat : rule.states) {
    State state = {.bytes_begin = to_int32(automaton.byte_edges.size()),
                   .calls_begin = to_int32(automaton.call_edges.size()),
                   .accepting = flat.accepting};
    for (const NfaEdge& edge : flat.bytes) {
      automaton.byte_edges.push_back(
          {.first = edge.first, .last = edge.last, .target = base + edge.target});
    }
    for (const NfaEdge& edge : flat.calls) {
      automaton.call_edges.push_back({.rule = edge.rule, .target = base + edge.target});
    }
    state.bytes_end = to_int32(automaton.byte_edges.size());
    state.calls_end = to_int32(automaton.call_edges.size());
    automaton.states.push_back(state);
  }
}

void find_byte_classes(Automaton& automaton) {
  std::array<bool, 257> cuts = {};
  for (const ByteEdge& edge : automaton.byte_edges) {
    cuts[edge.first] = true;
    cuts[edge.last + 1U] = true;
  }
  std::int32_t current = 0;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    current += byte > 0 && cuts[byte] ? 1 : 0;
    automaton.byte_class[byte] = static_cast<std::uint8_t>(current);
  }
  automaton.class_count = current + 1;
}

}  // namespace

std::int64_t Automaton::bytes_used() const {
  return static_cast<std::int64_t>(
      states.capacity() * sizeof(State) + byte_edges.capacity() * sizeof(ByteEdge) +
      call_edges.capacity() * sizeof(CallEdge) + counters.capacity() * sizeof(Counter) +
      rules.capacity() * (sizeof(AutomatonRule) + 16));
}

Automaton compile_automaton(const Grammar& grammar) {
  Draft draft = draft_rules(grammar);
  const std::vector<std::int32_t> order = order_of_calls(draft);
  remove_dead_ends(draft);
  Automaton automaton;
  automaton.root = draft.root;
  automaton.states.resize(2);  // kEndState and kEscapeState
  for (std::size_t i = 0; i < draft.rules.size(); ++i) {
    const DraftRule& rule = draft.rules[i];
    automaton.rules.push_back(
        {.name = rule.name, .start = to_int32(automaton.states.size()), .order = order[i]});
    if (rule.is_counter) {
      add_counter(rule, automaton);
    } else {
      add_states(rule, automaton);
    }
  }
  find_byte_classes(automaton);
  return automaton;
}

}  // namespace minimax::grammar
