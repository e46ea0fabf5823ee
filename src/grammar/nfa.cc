// SPDX-License-Identifier: Apache-2.0
#include "grammar/nfa.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>

#include "grammar/hash.h"

namespace minimax::grammar {
namespace {

using StateSet = std::vector<std::int32_t>;  // sorted

/// Sets of states that empty steps connect. Only states with other steps, and the end, are kept.
class Closure {
 public:
  Closure(const Nfa& nfa, std::int64_t& budget)
      : nfa_(nfa), budget_(budget), seen_(static_cast<std::size_t>(nfa.size())) {}

  StateSet of(const StateSet& states) {
    ++round_;
    StateSet result;
    pending_ = states;
    while (!pending_.empty()) {
      const std::int32_t state = pending_.back();
      pending_.pop_back();
      if (std::exchange(seen_[static_cast<std::size_t>(state)], round_) != round_) {
        visit(state, result);
      }
    }
    std::sort(result.begin(), result.end());
    return result;
  }

 private:
  void visit(std::int32_t state, StateSet& result) {
    bool matters = state == Nfa::kEnd;
    for (const NfaEdge& edge : nfa_.edges(state)) {
      --budget_;
      if (edge.kind == NfaEdge::Kind::kEmpty) {
        pending_.push_back(edge.target);
      } else {
        matters = true;
      }
    }
    if (matters) {
      result.push_back(state);
    }
  }

  const Nfa& nfa_;
  std::int64_t& budget_;
  std::vector<std::int64_t> seen_;  // in which round
  std::int64_t round_ = 0;
  StateSet pending_;
};

/// The subset construction, over bytes and calls alike.
class Determinizer {
 public:
  Determinizer(const Nfa& nfa, std::int64_t& budget)
      : nfa_(nfa), budget_(budget), closure_(nfa, budget) {}

  /// False where the result would have more than `max_states`, or the budget ends.
  bool run(std::int64_t max_states, std::vector<FlatState>& out) {
    intern(closure_.of({Nfa::kStart}));
    while (out.size() < sets_.size()) {  // which grows on the way
      if (static_cast<std::int64_t>(sets_.size()) > max_states || budget_ < 0) {
        return false;
      }
      out.push_back(expand(*sets_[out.size()]));
    }
    return budget_ >= 0;
  }

 private:
  std::int32_t intern(StateSet set) {
    const auto [it, is_new] =
        ids_.try_emplace(std::move(set), static_cast<std::int32_t>(sets_.size()));
    if (is_new) {
      sets_.push_back(&it->first);
    }
    return it->second;
  }

  FlatState expand(const StateSet& set) {
    FlatState state;
    std::vector<NfaEdge> bytes;
    std::map<std::int32_t, StateSet> calls;
    for (const std::int32_t member : set) {
      state.accepting |= member == Nfa::kEnd;
      for (const NfaEdge& edge : nfa_.edges(member)) {
        --budget_;
        if (edge.kind == NfaEdge::Kind::kBytes) {
          bytes.push_back(edge);
        } else if (edge.kind == NfaEdge::Kind::kCall) {
          calls[edge.rule].push_back(edge.target);
        }
      }
    }
    split(bytes, state);
    for (const auto& [rule, targets] : calls) {
      state.calls.push_back(
          {.kind = NfaEdge::Kind::kCall, .rule = rule, .target = intern(closure_.of(targets))});
    }
    return state;
  }

  // Cuts the ranges where any of them begins or ends.
  void split(const std::vector<NfaEdge>& edges, FlatState& state) {
    std::array<bool, 257> cuts = {};
    for (const NfaEdge& edge : edges) {
      cuts[edge.first] = true;
      cuts[edge.last + 1U] = true;
    }
    std::array<int, 257> part_of = {};
    std::vector<StateSet> parts;
    std::vector<int> starts;
    for (int byte = 0; byte < 256; ++byte) {
      if (byte == 0 || cuts[static_cast<std::size_t>(byte)]) {
        parts.emplace_back();
        starts.push_back(byte);
      }
      part_of[static_cast<std::size_t>(byte)] = static_cast<int>(parts.size()) - 1;
    }
    starts.push_back(256);
    for (const NfaEdge& edge : edges) {
      for (int part = part_of[edge.first]; part <= part_of[edge.last]; ++part) {
        --budget_;
        parts[static_cast<std::size_t>(part)].push_back(edge.target);
      }
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!parts[i].empty()) {
        append(starts[i], starts[i + 1] - 1, intern(closure_.of(parts[i])), state);
      }
    }
  }

  static void append(int first, int last, std::int32_t target, FlatState& state) {
    if (!state.bytes.empty() && state.bytes.back().target == target &&
        state.bytes.back().last + 1 == first) {
      state.bytes.back().last = static_cast<std::uint8_t>(last);
      return;
    }
    state.bytes.push_back({.kind = NfaEdge::Kind::kBytes,
                           .first = static_cast<std::uint8_t>(first),
                           .last = static_cast<std::uint8_t>(last),
                           .target = target});
  }

  const Nfa& nfa_;
  std::int64_t& budget_;
  Closure closure_;
  std::unordered_map<StateSet, std::int32_t, VectorHash> ids_;
  std::vector<const StateSet*> sets_;  // keys of ids_, which stay where they are
};

// The steps of all `members`, each state as one.
FlatState merged(const Nfa& nfa, const StateSet& members) {
  FlatState state;
  for (const std::int32_t member : members) {
    state.accepting |= member == Nfa::kEnd;
    for (const NfaEdge& edge : nfa.edges(member)) {
      if (edge.kind != NfaEdge::Kind::kEmpty) {
        (edge.kind == NfaEdge::Kind::kBytes ? state.bytes : state.calls).push_back(edge);
      }
    }
  }
  return state;
}

// Each state keeps its number and takes over the steps of those that it reaches without a byte.
std::vector<FlatState> without_empty_steps(const Nfa& nfa, std::int64_t& budget) {
  std::vector<FlatState> states;
  Closure closure(nfa, budget);
  for (std::int32_t i = 0; i < nfa.size() && budget >= 0; ++i) {
    states.push_back(merged(nfa, closure.of({i})));
    budget -= static_cast<std::int64_t>(states.back().bytes.size() + states.back().calls.size());
  }
  return states;
}

}  // namespace

std::int32_t Nfa::add_state() {
  edges_.emplace_back();
  return size() - 1;
}

void Nfa::add(std::int32_t from, const NfaEdge& edge) {
  edges_[static_cast<std::size_t>(from)].push_back(edge);
}

std::vector<FlatState> flatten(const Nfa& nfa, std::int64_t& budget) {
  std::vector<FlatState> states;
  std::int64_t tried = std::min<std::int64_t>(budget, 1000 + 64 * std::int64_t{nfa.size()});
  budget -= tried;
  const bool is_done = Determinizer(nfa, tried).run(256 + 4 * std::int64_t{nfa.size()}, states);
  budget += std::max<std::int64_t>(tried, 0);
  if (!is_done) {
    states = without_empty_steps(nfa, budget);
  }
  return states;
}

}  // namespace minimax::grammar
