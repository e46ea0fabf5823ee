// SPDX-License-Identifier: Apache-2.0
#include "grammar/nullable.h"

#include <cstddef>

namespace minimax::grammar {
namespace {

std::size_t index(std::int32_t id) { return static_cast<std::size_t>(id); }

/// Goes from what is empty by itself to the parents and the references, each once.
class Finder {
 public:
  explicit Finder(const Grammar& grammar)
      : grammar_(grammar),
        parents_(index(grammar.node_count())),
        missing_(index(grammar.node_count())),
        references_(index(grammar.rule_count())),
        bodies_(index(grammar.node_count())) {
    result_.nodes.resize(index(grammar.node_count()));
    result_.rules.resize(index(grammar.rule_count()));
  }

  Nullable find() {
    for (RuleId rule = 0; rule < grammar_.rule_count(); ++rule) {
      if (grammar_.body(rule) >= 0) {
        bodies_[index(grammar_.body(rule))].push_back(rule);
      }
    }
    for (NodeId id = 0; id < grammar_.node_count(); ++id) {
      visit(id);
    }
    while (!pending_.empty()) {
      const NodeId id = pending_.back();
      pending_.pop_back();
      propagate(id);
    }
    return std::move(result_);
  }

 private:
  void visit(NodeId id) {
    const Node& node = grammar_.node(id);
    if (node.kind == NodeKind::kReference) {
      references_[index(node.first)].push_back(id);
    } else if (node.kind != NodeKind::kLiteral && node.kind != NodeKind::kBytes) {
      for (const NodeId child : grammar_.children(node)) {
        parents_[index(child)].push_back(id);
      }
      missing_[index(id)] = node.kind == NodeKind::kSequence ? node.count : 1;
    }
    const bool is_empty = (node.kind == NodeKind::kLiteral && node.count == 0) ||
                          (node.kind == NodeKind::kSequence && node.count == 0) ||
                          (node.kind == NodeKind::kRepeat && node.min == 0);
    if (is_empty) {
      mark(id);
    }
  }

  void mark(NodeId id) {
    if (!result_.nodes[index(id)]) {
      result_.nodes[index(id)] = true;
      pending_.push_back(id);
    }
  }

  void propagate(NodeId id) {
    for (const NodeId parent : parents_[index(id)]) {
      if (--missing_[index(parent)] == 0) {
        mark(parent);
      }
    }
    for (const RuleId rule : bodies_[index(id)]) {
      result_.rules[index(rule)] = true;
      for (const NodeId reference : references_[index(rule)]) {
        mark(reference);
      }
    }
  }

  const Grammar& grammar_;
  Nullable result_;
  std::vector<std::vector<NodeId>> parents_;
  std::vector<std::int32_t> missing_;  // children of a node that have to be found yet
  std::vector<std::vector<NodeId>> references_;
  std::vector<std::vector<RuleId>> bodies_;
  std::vector<NodeId> pending_;
};

}  // namespace

Nullable find_nullable(const Grammar& grammar) { return Finder(grammar).find(); }

}  // namespace minimax::grammar
