// SPDX-License-Identifier: Apache-2.0
#include "grammar/gbnf.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grammar/scanner.h"

namespace minimax::grammar {
namespace {

constexpr int kMaxGroups = 128;  // one in another

enum class NewLines { kEndTheRule, kAreSpace };

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class Parser {
 public:
  explicit Parser(std::string_view text)
      : scanner_(text, "grammar", Positions::kLines), grammar_("grammar") {}

  Grammar parse() {
    skip_space(NewLines::kAreSpace);
    while (!scanner_.at_end()) {
      parse_rule();
      skip_space(NewLines::kAreSpace);
    }
    for (const auto& [name, rule] : rules_) {
      if (grammar_.body(rule.id) < 0) {
        scanner_.fail_at(rule.offset, fmt::format("rule \"{}\" is not defined", name));
      }
    }
    const auto root = rules_.find("root");
    if (root == rules_.end()) {
      scanner_.fail("expected a rule \"root\", found none");
    }
    grammar_.set_root(root->second.id);
    return std::move(grammar_);
  }

 private:
  struct Rule {
    RuleId id = 0;
    std::size_t offset = 0;  // where the name was first read
  };

  void skip_space(NewLines new_lines) {
    for (;;) {
      const char c = scanner_.peek();
      const bool is_new_line = c == '\n' || c == '\r';
      if (c == '#') {
        while (!scanner_.at_end() && scanner_.peek() != '\n' && scanner_.peek() != '\r') {
          scanner_.skip(1);
        }
      } else if (c == ' ' || c == '\t' || (is_new_line && new_lines == NewLines::kAreSpace)) {
        scanner_.skip(1);
      } else {
        return;
      }
    }
  }

  RuleId parse_name() {
    const std::size_t begin = scanner_.offset();
    while (is_name_character(scanner_.peek())) {
      scanner_.skip(1);
    }
    std::string name(scanner_.from(begin));
    if (name.empty()) {
      scanner_.fail_expected("the name of a rule");
    }
    const auto it = rules_.find(name);
    if (it != rules_.end()) {
      return it->second.id;
    }
    const RuleId id = grammar_.declare(name);
    rules_[std::move(name)] = {.id = id, .offset = begin};
    return id;
  }

  void parse_rule() {
    const std::size_t begin = scanner_.offset();
    const RuleId rule = parse_name();
    if (grammar_.body(rule) >= 0) {
      scanner_.fail_at(begin,
                       fmt::format("rule \"{}\" is defined twice", grammar_.rule_name(rule)));
    }
    skip_space(NewLines::kEndTheRule);
    if (!scanner_.starts_with("::=")) {
      scanner_.fail_expected("::=");
    }
    scanner_.skip(3);
    skip_space(NewLines::kAreSpace);
    grammar_.define(rule, parse_alternatives(NewLines::kEndTheRule, 0));
    const char c = scanner_.peek();
    if (!scanner_.at_end() && c != '\n' && c != '\r') {
      scanner_.fail_expected("the end of the rule");
    }
  }

  NodeId parse_alternatives(NewLines new_lines, int groups) {
    std::vector<NodeId> choices = {parse_sequence(new_lines, groups)};
    while (scanner_.skip_if('|')) {
      skip_space(NewLines::kAreSpace);
      choices.push_back(parse_sequence(new_lines, groups));
    }
    return choices.size() == 1 ? choices[0] : grammar_.alternatives(choices);
  }

  NodeId parse_sequence(NewLines new_lines, int groups) {
    std::vector<NodeId> parts;
    while (const std::optional<NodeId> part = parse_part(groups)) {
      skip_space(new_lines);
      NodeId repeated = *part;
      while (parse_repetition(repeated)) {
        skip_space(new_lines);
      }
      parts.push_back(repeated);
    }
    return parts.size() == 1 ? parts[0] : grammar_.sequence(parts);
  }

  std::optional<NodeId> parse_part(int groups) {
    const char c = scanner_.peek();
    if (c == '"') {
      return parse_literal();
    }
    if (c == '[') {
      return parse_class();
    }
    if (c == '(') {
      return parse_group(groups);
    }
    if (c == '.') {
      scanner_.skip(1);
      return grammar_.code_points(CodePointSet::all());
    }
    if (c == '<' || c == '!') {
      scanner_.fail("tokens (<...>) are not supported: expected literals, classes and rules");
    }
    if (is_name_character(c)) {
      return grammar_.reference(parse_name());
    }
    return std::nullopt;
  }

  NodeId parse_group(int groups) {
    if (groups >= kMaxGroups) {
      scanner_.fail(fmt::format("expected at most {} groups one in another", kMaxGroups));
    }
    scanner_.skip(1);
    skip_space(NewLines::kAreSpace);
    const NodeId group = parse_alternatives(NewLines::kAreSpace, groups + 1);
    if (!scanner_.skip_if(')')) {
      scanner_.fail_expected("')'");
    }
    return group;
  }

  NodeId parse_literal() {
    scanner_.skip(1);
    std::string bytes;
    while (!scanner_.skip_if('"')) {
      append_utf8(parse_character(), bytes);
    }
    return grammar_.literal(bytes);
  }

  NodeId parse_class() {
    scanner_.skip(1);
    const bool is_negated = scanner_.skip_if('^');
    std::vector<CodePointRange> ranges;
    while (!scanner_.skip_if(']')) {
      const std::size_t begin = scanner_.offset();
      const char32_t first = parse_character();
      char32_t last = first;
      if (scanner_.starts_with("-") && !scanner_.starts_with("-]")) {
        scanner_.skip(1);
        last = parse_character();
      }
      if (last < first) {
        scanner_.fail_at(begin, "a range of characters ends before it begins");
      }
      ranges.push_back({first, last});
    }
    const CodePointSet set(std::move(ranges));
    return grammar_.code_points(is_negated ? set.complement() : set);
  }

  char32_t parse_character() {
    if (!scanner_.skip_if('\\')) {
      return scanner_.next();
    }
    const std::size_t begin = scanner_.offset();
    switch (scanner_.next()) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '\\':
        return '\\';
      case '"':
        return '"';
      case '[':
        return '[';
      case ']':
        return ']';
      case 'x':
        return scanner_.hex(2);
      case 'u':
        return scanner_.hex(4);
      case 'U':
        return scanner_.hex(8);
      default:
        scanner_.fail_at(begin, "unknown escape: expected one of n r t \\ \" [ ] x u U");
    }
  }

  // Takes a repetition and puts it around `node`; false where there is none.
  bool parse_repetition(NodeId& node) {
    if (scanner_.skip_if('*')) {
      node = grammar_.repeat(node, 0, kUnlimited);
    } else if (scanner_.skip_if('+')) {
      node = grammar_.repeat(node, 1, kUnlimited);
    } else if (scanner_.skip_if('?')) {
      node = grammar_.optional(node);
    } else if (scanner_.peek() == '{') {
      node = parse_bounds(node);
    } else {
      return false;
    }
    return true;
  }

  NodeId parse_bounds(NodeId node) {
    const std::size_t begin = scanner_.offset();
    scanner_.skip(1);
    skip_space(NewLines::kEndTheRule);
    const std::int64_t min = scanner_.peek() == ',' ? 0 : scanner_.number();
    std::int64_t max = min;
    skip_space(NewLines::kEndTheRule);
    if (scanner_.skip_if(',')) {
      skip_space(NewLines::kEndTheRule);
      max = scanner_.peek() == '}' ? kUnlimited : scanner_.number();
      skip_space(NewLines::kEndTheRule);
    }
    if (!scanner_.skip_if('}')) {
      scanner_.fail_expected("'}'");
    }
    if (min > Grammar::kMaxRepeat || max > Grammar::kMaxRepeat) {
      scanner_.fail_at(begin, fmt::format("expected at most {} repetitions", Grammar::kMaxRepeat));
    }
    if (max != kUnlimited && max < min) {
      scanner_.fail_at(begin, "the most repetitions are fewer than the least");
    }
    return grammar_.repeat(node, min, max);
  }

  Scanner scanner_;
  Grammar grammar_;
  std::unordered_map<std::string, Rule> rules_;
};

}  // namespace

Grammar parse_gbnf(std::string_view text) { return Parser(text).parse(); }

}  // namespace minimax::grammar
