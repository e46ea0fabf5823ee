// SPDX-License-Identifier: Apache-2.0
// What is checked on all rules together: that every state can reach the end, and that no rule
// calls itself before it has taken a byte.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "grammar/automaton_builder.h"

namespace minimax::grammar {
namespace {

std::size_t index(std::int32_t id) { return static_cast<std::size_t>(id); }

/// Marks the states from which the end of their rule can be reached, and the rules that can be
/// called: those whose start has a step that leads to the end.
class LiveStates {
 public:
  explicit LiveStates(const Draft& draft)
      : draft_(draft), callable_(draft.rules.size()), callers_(draft.rules.size()) {
    std::int32_t count = 0;
    for (const DraftRule& rule : draft.rules) {
      offsets_.push_back(count);
      count += static_cast<std::int32_t>(rule.states.size());
    }
    live_.resize(index(count));
    sources_.resize(index(count));
    rule_of_.resize(index(count));
  }

  void find() {
    for (std::size_t rule = 0; rule < draft_.rules.size(); ++rule) {
      collect(static_cast<std::int32_t>(rule));
    }
    while (!pending_.empty() || !reached_.empty()) {
      if (!reached_.empty()) {
        const std::int32_t state = reached_.back();
        reached_.pop_back();
        reach(state);
        continue;
      }
      const std::int32_t state = pending_.back();
      pending_.pop_back();
      for (const Source& source : sources_[index(state)]) {
        if (source.call < 0 || callable_[index(source.call)]) {
          reach(source.state);
        }
      }
    }
  }

  bool is_live(std::int32_t rule, std::int32_t state) const {
    return live_[index(offsets_[index(rule)] + state)];
  }
  bool is_callable(std::int32_t rule) const { return callable_[index(rule)]; }

 private:
  struct Source {
    std::int32_t state = 0;
    std::int32_t call = -1;  // the rule that is called on the way, or -1
  };

  void collect(std::int32_t number) {
    const DraftRule& rule = draft_.rules[index(number)];
    if (rule.is_counter) {
      callers_[index(rule.counter.rule)].push_back({.state = -1 - number, .call = -1});
      return;
    }
    for (std::size_t i = 0; i < rule.states.size(); ++i) {
      const std::int32_t from = offsets_[index(number)] + static_cast<std::int32_t>(i);
      rule_of_[index(from)] = number;
      for (const NfaEdge& edge : rule.states[i].bytes) {
        sources_[index(offsets_[index(number)] + edge.target)].push_back({.state = from});
      }
      for (const NfaEdge& edge : rule.states[i].calls) {
        const std::int32_t target = offsets_[index(number)] + edge.target;
        sources_[index(target)].push_back({.state = from, .call = edge.rule});
        callers_[index(edge.rule)].push_back({.state = from, .call = target});
      }
      if (rule.states[i].accepting) {
        mark(from);
      }
    }
  }

  void mark(std::int32_t state) {
    if (!live_[index(state)]) {
      live_[index(state)] = true;
      pending_.push_back(state);
    }
  }

  // A step leads from `state` to a live one.
  void reach(std::int32_t state) {
    mark(state);
    const std::int32_t rule = rule_of_[index(state)];
    if (state == offsets_[index(rule)]) {
      make_callable(rule);
    }
  }

  void make_callable(std::int32_t first) {
    std::vector<std::int32_t> rules = {first};
    while (!rules.empty()) {
      const std::int32_t rule = rules.back();
      rules.pop_back();
      if (std::exchange(callable_[index(rule)], 1)) {
        continue;
      }
      for (const Source& caller : callers_[index(rule)]) {
        if (caller.state < 0) {
          rules.push_back(-1 - caller.state);
        } else if (live_[index(caller.call)]) {
          reached_.push_back(caller.state);
        }
      }
    }
  }

  const Draft& draft_;
  std::vector<std::int32_t> offsets_;  // of the states of a rule among all states
  std::vector<char> live_;
  std::vector<char> callable_;
  std::vector<std::vector<Source>> sources_;  // of the steps to a state
  std::vector<std::vector<Source>> callers_;  // of a rule; `call` is the state behind the call
  std::vector<std::int32_t> rule_of_;
  std::vector<std::int32_t> pending_;
  std::vector<std::int32_t> reached_;  // states with a call that has become possible
};

// The rules that the start of a rule calls.
std::vector<std::int32_t> first_calls(const DraftRule& rule) {
  std::vector<std::int32_t> rules;
  if (rule.is_counter) {
    rules.push_back(rule.counter.rule);
  } else if (!rule.states.empty()) {
    for (const NfaEdge& edge : rule.states[0].calls) {
      rules.push_back(edge.rule);
    }
  }
  return rules;
}

/// A walk over the calls in depth, which numbers a rule when all that it calls have numbers.
class CallOrder {
 public:
  explicit CallOrder(const Draft& draft)
      : draft_(draft), order_(draft.rules.size(), kNew), next_(draft.rules.size()) {}

  std::vector<std::int32_t> find() {
    for (std::size_t rule = 0; rule < draft_.rules.size(); ++rule) {
      if (order_[rule] == kNew) {
        walk(static_cast<std::int32_t>(rule));
      }
    }
    return std::move(order_);
  }

 private:
  static constexpr std::int32_t kNew = -1;
  static constexpr std::int32_t kOpen = -2;

  void walk(std::int32_t first) {
    std::vector<std::pair<std::int32_t, std::vector<std::int32_t>>> path;
    enter(first, path);
    while (!path.empty()) {
      auto& [rule, calls] = path.back();
      if (calls.empty()) {
        order_[index(rule)] = static_cast<std::int32_t>(--next_);
        path.pop_back();
        continue;
      }
      const std::int32_t called = calls.back();
      calls.pop_back();
      base::check(order_[index(called)] != kOpen, ErrorCode::kInvalidArgument, [&] {
        return fmt::format(
            "{}: rule \"{}\" is left recursive: it comes back to itself before a character is read",
            draft_.source, draft_.rules[index(called)].name);
      });
      if (order_[index(called)] == kNew) {
        enter(called, path);
      }
    }
  }

  void enter(std::int32_t rule,
             std::vector<std::pair<std::int32_t, std::vector<std::int32_t>>>& path) {
    order_[index(rule)] = kOpen;
    path.emplace_back(rule, first_calls(draft_.rules[index(rule)]));
  }

  const Draft& draft_;
  std::vector<std::int32_t> order_;
  std::size_t next_;
};

}  // namespace

void remove_dead_ends(Draft& draft) {
  LiveStates live(draft);
  live.find();
  for (std::size_t i = 0; i < draft.rules.size(); ++i) {
    const auto rule = static_cast<std::int32_t>(i);
    for (FlatState& state : draft.rules[i].states) {
      std::erase_if(state.bytes,
                    [&](const NfaEdge& edge) { return !live.is_live(rule, edge.target); });
      std::erase_if(state.calls, [&](const NfaEdge& edge) {
        return !live.is_live(rule, edge.target) || !live.is_callable(edge.rule);
      });
    }
  }
  base::check(live.is_callable(draft.root) || draft.root_is_nullable, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("{}: the grammar matches no text", draft.source); });
}

std::vector<std::int32_t> order_of_calls(const Draft& draft) { return CallOrder(draft).find(); }

}  // namespace minimax::grammar
