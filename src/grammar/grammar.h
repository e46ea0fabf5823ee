// SPDX-License-Identifier: Apache-2.0
// What an answer may look like, as plain rules over bytes: the one form that JSON schemas
// (json_schema.h), regular expressions (regex.h), choices and GBNF (gbnf.h) are turned into.
// Not for running it: compile() in matcher.h makes a CompiledGrammar of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/code_points.h"

namespace minimax::grammar {

using NodeId = std::int32_t;
using RuleId = std::int32_t;

enum class NodeKind : std::uint8_t {
  kLiteral,       // the bytes [first, first + count) of literals()
  kBytes,         // one byte out of the ranges [first, first + count) of byte_ranges()
  kSequence,      // the children [first, first + count) of children(), one after another
  kAlternatives,  // one of the children
  kReference,     // what the rule `first` matches
  kRepeat,        // the child children()[first], from `min` to `max` times
};

struct ByteRange {
  std::uint8_t first = 0;
  std::uint8_t last = 0;  // inclusive
};

struct Node {
  NodeKind kind = NodeKind::kSequence;
  std::int32_t first = 0;
  std::int32_t count = 0;
  std::int32_t min = 0;    // of kRepeat
  std::int32_t max = 0;    // of kRepeat; kUnlimited: no bound
  std::int32_t depth = 1;  // of the tree below; a reference is a leaf
};

inline constexpr std::int32_t kUnlimited = -1;

/// A set of named rules, one of which is the root. Nodes are made from their children upwards and
/// may be used several times. Every function that makes something throws Error{kInvalidArgument}
/// where the grammar becomes larger than kMaxSize or deeper than kMaxDepth.
class Grammar {
 public:
  /// Nodes, children, bytes of literals and byte ranges together.
  static constexpr std::int64_t kMaxSize = 1'000'000;
  /// Nested nodes; references do not count.
  static constexpr std::int32_t kMaxDepth = 1000;
  /// Largest bound of a repetition.
  static constexpr std::int64_t kMaxRepeat = 1'000'000;

  /// `source` tells where the grammar came from, for messages.
  explicit Grammar(std::string source) : source_(std::move(source)) {}

  NodeId literal(std::string_view bytes);
  NodeId bytes(std::span<const ByteRange> ranges);
  /// The UTF-8 form of one of the code points; surrogates are left out.
  NodeId code_points(const CodePointSet& set);
  NodeId sequence(std::span<const NodeId> children);
  NodeId sequence(std::initializer_list<NodeId> children);
  /// Matches nothing at all where there are no children.
  NodeId alternatives(std::span<const NodeId> children);
  NodeId alternatives(std::initializer_list<NodeId> children);
  NodeId reference(RuleId rule);
  /// Requires: 0 <= min. `max` is kUnlimited or at least `min`.
  /// Throws: Error{kInvalidArgument} for bounds above kMaxRepeat.
  NodeId repeat(NodeId child, std::int64_t min, std::int64_t max);
  NodeId optional(NodeId child) { return repeat(child, 0, 1); }
  NodeId empty() { return sequence({}); }

  /// A rule whose body follows with define().
  RuleId declare(std::string name);
  void define(RuleId rule, NodeId body);
  RuleId add_rule(std::string name, NodeId body);
  void set_root(RuleId rule) { root_ = rule; }

  const std::string& source() const { return source_; }
  RuleId root() const { return root_; }
  std::int32_t node_count() const { return static_cast<std::int32_t>(nodes_.size()); }
  std::int32_t rule_count() const { return static_cast<std::int32_t>(rules_.size()); }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  std::span<const NodeId> children(const Node& node) const;
  std::string_view literal_bytes(const Node& node) const;
  std::span<const ByteRange> byte_ranges(const Node& node) const;
  const std::string& rule_name(RuleId id) const { return rule(id).name; }
  /// -1 where define() is missing.
  NodeId body(RuleId id) const { return rule(id).body; }

 private:
  struct Rule {
    std::string name;
    NodeId body = -1;
  };

  const Rule& rule(RuleId id) const { return rules_[static_cast<std::size_t>(id)]; }
  NodeId add_node(const Node& node, std::int64_t size);
  NodeId add_parent(NodeKind kind, std::span<const NodeId> children);

  std::string source_;
  RuleId root_ = 0;
  std::int64_t size_ = 0;
  std::vector<Node> nodes_;
  std::vector<NodeId> children_;
  std::string literals_;
  std::vector<ByteRange> byte_ranges_;
  std::vector<Rule> rules_;
};

/// Exactly one of the texts. Throws: Error{kInvalidArgument} where there are none, and for texts
/// that are not UTF-8.
Grammar choice_grammar(std::span<const std::string> texts);

}  // namespace minimax::grammar
