// SPDX-License-Identifier: Apache-2.0
#include "grammar/grammar.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace minimax::grammar {
namespace {

std::int32_t to_int32(std::size_t value) { return static_cast<std::int32_t>(value); }

}  // namespace

NodeId Grammar::literal(std::string_view bytes) {
  const Node node = {.kind = NodeKind::kLiteral,
                     .first = to_int32(literals_.size()),
                     .count = to_int32(bytes.size())};
  const NodeId id = add_node(node, static_cast<std::int64_t>(bytes.size()));
  literals_ += bytes;
  return id;
}

NodeId Grammar::bytes(std::span<const ByteRange> ranges) {
  const Node node = {.kind = NodeKind::kBytes,
                     .first = to_int32(byte_ranges_.size()),
                     .count = to_int32(ranges.size())};
  const NodeId id = add_node(node, static_cast<std::int64_t>(ranges.size()));
  byte_ranges_.insert(byte_ranges_.end(), ranges.begin(), ranges.end());
  return id;
}

NodeId Grammar::code_points(const CodePointSet& set) {
  std::vector<ByteRange> single;  // all ASCII characters are one node
  std::vector<NodeId> parts;
  for (const Utf8Sequence& spelling : utf8_sequences(set)) {
    if (spelling.length == 1) {
      single.push_back({spelling.first[0], spelling.last[0]});
      continue;
    }
    std::vector<NodeId> steps;
    for (int i = 0; i < spelling.length; ++i) {
      const ByteRange range = {spelling.first[i], spelling.last[i]};
      steps.push_back(bytes({&range, 1}));
    }
    parts.push_back(sequence(steps));
  }
  if (!single.empty()) {
    parts.insert(parts.begin(), bytes(single));
  }
  return parts.size() == 1 ? parts[0] : alternatives(parts);
}

NodeId Grammar::sequence(std::span<const NodeId> children) {
  return add_parent(NodeKind::kSequence, children);
}

NodeId Grammar::sequence(std::initializer_list<NodeId> children) {
  return sequence(std::span(children.begin(), children.size()));
}

NodeId Grammar::alternatives(std::span<const NodeId> children) {
  return add_parent(NodeKind::kAlternatives, children);
}

NodeId Grammar::alternatives(std::initializer_list<NodeId> children) {
  return alternatives(std::span(children.begin(), children.size()));
}

NodeId Grammar::reference(RuleId rule) {
  return add_node({.kind = NodeKind::kReference, .first = rule, .count = 1}, 0);
}

NodeId Grammar::repeat(NodeId child, std::int64_t min, std::int64_t max) {
  base::check(std::max(min, max) <= kMaxRepeat, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected at most {} repetitions, found {}", source_, kMaxRepeat,
                       std::max(min, max));
  });
  const NodeId id = add_parent(NodeKind::kRepeat, {&child, 1});
  nodes_.back().min = static_cast<std::int32_t>(min);
  nodes_.back().max = static_cast<std::int32_t>(max);
  return id;
}

RuleId Grammar::declare(std::string name) {
  size_ += 1 + static_cast<std::int64_t>(name.size());
  rules_.push_back({.name = std::move(name)});
  return to_int32(rules_.size()) - 1;
}

void Grammar::define(RuleId rule, NodeId body) {
  rules_[static_cast<std::size_t>(rule)].body = body;
}

RuleId Grammar::add_rule(std::string name, NodeId body) {
  const RuleId rule = declare(std::move(name));
  define(rule, body);
  return rule;
}

std::span<const NodeId> Grammar::children(const Node& node) const {
  return std::span(children_).subspan(static_cast<std::size_t>(node.first),
                                      static_cast<std::size_t>(node.count));
}

std::string_view Grammar::literal_bytes(const Node& node) const {
  return std::string_view(literals_).substr(static_cast<std::size_t>(node.first),
                                            static_cast<std::size_t>(node.count));
}

std::span<const ByteRange> Grammar::byte_ranges(const Node& node) const {
  return std::span(byte_ranges_)
      .subspan(static_cast<std::size_t>(node.first), static_cast<std::size_t>(node.count));
}

NodeId Grammar::add_node(const Node& node, std::int64_t size) {
  size_ += 1 + size;
  base::check(size_ <= kMaxSize, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: the grammar is too large: expected at most {} characters and nodes",
                       source_, kMaxSize);
  });
  base::check(node.depth <= kMaxDepth, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected at most {} nested groups", source_, kMaxDepth);
  });
  nodes_.push_back(node);
  return to_int32(nodes_.size()) - 1;
}

NodeId Grammar::add_parent(NodeKind kind, std::span<const NodeId> children) {
  Node parent = {
      .kind = kind, .first = to_int32(children_.size()), .count = to_int32(children.size())};
  for (const NodeId child : children) {
    parent.depth = std::max(parent.depth, node(child).depth + 1);
  }
  const NodeId id = add_node(parent, parent.count);
  children_.insert(children_.end(), children.begin(), children.end());
  return id;
}

Grammar choice_grammar(std::span<const std::string> texts) {
  Grammar grammar("choice");
  base::check(!texts.empty(), ErrorCode::kInvalidArgument,
              "choice: expected at least one text, found none");
  std::vector<NodeId> choices;
  for (const std::string& text : texts) {
    for (std::size_t offset = 0; offset < text.size();) {
      base::check(next_code_point(text, offset) != kInvalidCodePoint, ErrorCode::kInvalidArgument,
                  [&] { return fmt::format("choice: /{}: not UTF-8", choices.size()); });
    }
    choices.push_back(grammar.literal(text));
  }
  grammar.set_root(grammar.add_rule("root", grammar.alternatives(choices)));
  return grammar;
}

}  // namespace minimax::grammar
