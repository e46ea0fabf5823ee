// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/check.h"
#include "grammar/automaton_builder.h"
#include "grammar/nullable.h"

namespace minimax::grammar {
namespace {

constexpr std::int64_t kMaxStates = 400'000;      // of all rules before they are flattened
constexpr std::int64_t kMaxSteps = 20'000'000;    // of flattening all rules
constexpr std::int64_t kMaxInlinedLeaves = 8;     // of a rule that takes the place of its calls
constexpr std::int64_t kMaxUnrolledLeaves = 256;  // of a repetition that needs no counter
constexpr std::int64_t kManyLeaves = 1'000'000'000;

class Drafter {
 public:
  explicit Drafter(const Grammar& grammar)
      : grammar_(grammar), nullable_(find_nullable(grammar)), leaves_(count_leaves()) {}

  Draft draft() {
    Draft draft;
    draft.source = grammar_.source();
    draft.root = drafted(grammar_.root());
    draft.root_is_nullable = nullable_.rules[static_cast<std::size_t>(grammar_.root())];
    for (std::size_t next = 0; next < rules_.size(); ++next) {
      if (!rules_[next].is_counter) {
        rules_[next].states = states_of(bodies_[next]);
      }
    }
    draft.rules = std::move(rules_);
    return draft;
  }

 private:
  struct Task {
    NodeId node = 0;
    std::int32_t from = 0;
    std::int32_t to = 0;
  };

  // How many bytes and calls stand in a node. Children come before their parents.
  std::vector<std::int64_t> count_leaves() const {
    std::vector<std::int64_t> leaves;
    for (NodeId id = 0; id < grammar_.node_count(); ++id) {
      const Node& node = grammar_.node(id);
      std::int64_t sum = node.count;
      if (node.kind == NodeKind::kSequence || node.kind == NodeKind::kAlternatives) {
        sum = 0;
        for (const NodeId child : grammar_.children(node)) {
          sum += leaves[static_cast<std::size_t>(child)];
        }
      } else if (node.kind == NodeKind::kRepeat) {
        const auto child = static_cast<std::size_t>(grammar_.children(node)[0]);
        sum = unrolled_leaves(node, leaves[child]);
        sum = sum <= kMaxUnrolledLeaves ? sum : 1;  // a call of a counter
      } else if (node.kind == NodeKind::kBytes) {
        sum = 1;
      }
      leaves.push_back(std::min(sum, kManyLeaves));
    }
    return leaves;
  }

  static std::int64_t unrolled_leaves(const Node& repeat, std::int64_t child_leaves) {
    const std::int64_t times = repeat.max == kUnlimited ? std::int64_t{repeat.min} + 1 : repeat.max;
    return std::min(kManyLeaves, std::max<std::int64_t>(child_leaves, 1) * times);
  }

  // The number of a grammar's rule in the draft.
  std::int32_t drafted(RuleId rule) {
    const NodeId body = grammar_.body(rule);
    base::check(body >= 0, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("{}: rule \"{}\" is not defined", grammar_.source(),
                         grammar_.rule_name(rule));
    });
    const auto [it, is_new] = by_rule_.try_emplace(rule, static_cast<std::int32_t>(rules_.size()));
    if (is_new) {
      add_rule(grammar_.rule_name(rule));
      bodies_.push_back(body);
    }
    return it->second;
  }

  // The counter for a repetition that is too large to be unrolled, made with the rule it repeats.
  std::int32_t drafted_counter(NodeId id) {
    const auto [it, is_new] = by_repeat_.try_emplace(id, static_cast<std::int32_t>(rules_.size()));
    if (!is_new) {
      return it->second;
    }
    const std::int32_t number = it->second;
    const Node& node = grammar_.node(id);
    const NodeId child = grammar_.children(node)[0];
    const bool may_be_empty = nullable_.nodes[static_cast<std::size_t>(child)];
    add_rule("a repetition").is_counter = true;
    bodies_.push_back(-1);
    const bool is_call = grammar_.node(child).kind == NodeKind::kReference;
    const std::int32_t body = is_call ? drafted(grammar_.node(child).first) : drafted_body(child);
    rules_[static_cast<std::size_t>(number)].counter = {
        .rule = body, .min = may_be_empty ? 0 : node.min, .max = node.max};
    return number;
  }

  DraftRule& add_rule(std::string name) {
    rules_.emplace_back();
    rules_.back().name = std::move(name);
    return rules_.back();
  }

  std::int32_t drafted_body(NodeId body) {
    add_rule("a repeated part");
    bodies_.push_back(body);
    return static_cast<std::int32_t>(rules_.size()) - 1;
  }

  std::vector<FlatState> states_of(NodeId body) {
    Nfa nfa;
    std::vector<Task> tasks = {{body, Nfa::kStart, Nfa::kEnd}};
    while (!tasks.empty()) {
      const Task task = tasks.back();
      tasks.pop_back();
      add(task, nfa, tasks);
      base::check(state_count_ + nfa.size() <= kMaxStates, ErrorCode::kInvalidArgument, [&] {
        return fmt::format("{}: the grammar is too large: expected at most {} states",
                           grammar_.source(), kMaxStates);
      });
    }
    state_count_ += nfa.size();
    std::vector<FlatState> states = flatten(nfa, steps_left_);
    base::check(steps_left_ >= 0, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("{}: the grammar is too complex to be compiled in time",
                         grammar_.source());
    });
    return states;
  }

  void add(const Task& task, Nfa& nfa, std::vector<Task>& tasks) {
    const Node& node = grammar_.node(task.node);
    switch (node.kind) {
      case NodeKind::kLiteral:
        return add_literal(task, grammar_.literal_bytes(node), nfa);
      case NodeKind::kBytes:
        for (const ByteRange& range : grammar_.byte_ranges(node)) {
          nfa.add(task.from, {.kind = NfaEdge::Kind::kBytes,
                              .first = range.first,
                              .last = range.last,
                              .target = task.to});
        }
        return;
      case NodeKind::kSequence:
        return add_sequence(task, grammar_.children(node), nfa, tasks);
      case NodeKind::kAlternatives:
        for (const NodeId child : grammar_.children(node)) {
          tasks.push_back({child, task.from, task.to});
        }
        return;
      case NodeKind::kReference:
        return add_reference(task, node.first, nfa, tasks);
      case NodeKind::kRepeat:
        return add_repeat(task, node, nfa, tasks);
    }
  }

  static void add_empty(std::int32_t from, std::int32_t to, Nfa& nfa) {
    nfa.add(from, {.kind = NfaEdge::Kind::kEmpty, .target = to});
  }

  static void add_literal(const Task& task, std::string_view bytes, Nfa& nfa) {
    std::int32_t from = task.from;
    for (const char c : bytes) {
      const std::int32_t next = nfa.add_state();
      const auto byte = static_cast<std::uint8_t>(c);
      nfa.add(from, {.kind = NfaEdge::Kind::kBytes, .first = byte, .last = byte, .target = next});
      from = next;
    }
    add_empty(from, task.to, nfa);
  }

  static void add_sequence(const Task& task, std::span<const NodeId> children, Nfa& nfa,
                           std::vector<Task>& tasks) {
    std::int32_t from = task.from;
    for (const NodeId child : children) {
      const std::int32_t next = nfa.add_state();
      tasks.push_back({child, from, next});
      from = next;
    }
    add_empty(from, task.to, nfa);
  }

  void add_reference(const Task& task, RuleId rule, Nfa& nfa, std::vector<Task>& tasks) {
    const NodeId body = grammar_.body(rule);
    if (body >= 0 && is_inlined(body)) {
      tasks.push_back({body, task.from, task.to});
      return;
    }
    add_call(task, drafted(rule), nullable_.rules[static_cast<std::size_t>(rule)], nfa);
  }

  static void add_call(const Task& task, std::int32_t rule, bool may_be_empty, Nfa& nfa) {
    nfa.add(task.from, {.kind = NfaEdge::Kind::kCall, .rule = rule, .target = task.to});
    if (may_be_empty) {
      add_empty(task.from, task.to, nfa);
    }
  }

  // A small rule without calls.
  bool is_inlined(NodeId body) {
    if (leaves_[static_cast<std::size_t>(body)] > kMaxInlinedLeaves) {
      return false;
    }
    const auto [it, is_new] = without_calls_.try_emplace(body, true);
    if (!is_new) {
      return it->second;
    }
    std::vector<NodeId> pending = {body};
    bool result = true;
    for (std::int64_t visited = 0; !pending.empty() && result; ++visited) {
      const Node& node = grammar_.node(pending.back());
      pending.pop_back();
      const bool is_parent = node.kind != NodeKind::kLiteral && node.kind != NodeKind::kBytes;
      result = node.kind != NodeKind::kReference && visited < 4 * kMaxInlinedLeaves;
      if (is_parent && result) {
        const auto children = grammar_.children(node);
        pending.insert(pending.end(), children.begin(), children.end());
      }
    }
    without_calls_[body] = result;
    return result;
  }

  void add_repeat(const Task& task, const Node& node, Nfa& nfa, std::vector<Task>& tasks) {
    const NodeId child = grammar_.children(node)[0];
    if (unrolled_leaves(node, leaves_[static_cast<std::size_t>(child)]) > kMaxUnrolledLeaves) {
      const bool may_be_empty = nullable_.nodes[static_cast<std::size_t>(task.node)];
      add_call(task, drafted_counter(task.node), may_be_empty, nfa);
      return;
    }
    std::int32_t from = nfa.add_state();  // of its own: a loop must not run through other parts
    add_empty(task.from, from, nfa);
    const std::int32_t times = node.max == kUnlimited ? node.min : node.max;
    for (std::int32_t i = 0; i < times; ++i) {
      if (i >= node.min) {
        add_empty(from, task.to, nfa);
      }
      const std::int32_t next = nfa.add_state();
      tasks.push_back({child, from, next});
      from = next;
    }
    if (node.max == kUnlimited) {
      const std::int32_t loop = nfa.add_state();
      add_empty(from, loop, nfa);
      tasks.push_back({child, loop, loop});
      from = loop;
    }
    add_empty(from, task.to, nfa);
  }

  const Grammar& grammar_;
  Nullable nullable_;
  std::vector<std::int64_t> leaves_;  // by node
  std::vector<DraftRule> rules_;
  std::vector<NodeId> bodies_;  // of rules_; -1 for counters
  std::unordered_map<RuleId, std::int32_t> by_rule_;
  std::unordered_map<NodeId, std::int32_t> by_repeat_;
  std::unordered_map<NodeId, bool> without_calls_;
  std::int64_t state_count_ = 0;
  std::int64_t steps_left_ = kMaxSteps;
};

}  // namespace

Draft draft_rules(const Grammar& grammar) { return Drafter(grammar).draft(); }

}  // namespace minimax::grammar
