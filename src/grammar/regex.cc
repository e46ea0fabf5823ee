// SPDX-License-Identifier: Apache-2.0
#include "grammar/regex.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "grammar/regex_class.h"
#include "grammar/scanner.h"

namespace minimax::grammar {
namespace {

constexpr int kMaxGroups = 128;  // one in another
constexpr std::size_t kMaxBytes = 65'536;

/// How often something is repeated.
struct Bounds {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

/// A piece of the expression: its texts, and how long they are.
struct Part {
  NodeId node = 0;
  LengthRange length;
};

std::int64_t at_most(std::int64_t length) { return std::min(length, LengthRange::kMaxLength); }

class Parser {
 public:
  Parser(Grammar& grammar, std::string_view pattern, const RegexOptions& options)
      : grammar_(grammar),
        options_(options),
        scanner_(pattern, options.source, Positions::kColumns) {}

  Part parse(std::size_t bytes) {
    if (bytes > kMaxBytes) {
      scanner_.fail(fmt::format("expected at most {} bytes, found {}", kMaxBytes, bytes));
    }
    const Part part = parse_alternatives(0);
    if (!scanner_.at_end()) {
      scanner_.fail_expected("the end");
    }
    return part;
  }

 private:
  Part parse_alternatives(int groups) {
    Part result = parse_sequence(groups);
    std::vector<NodeId> choices = {result.node};
    while (scanner_.skip_if('|')) {
      const Part choice = parse_sequence(groups);
      choices.push_back(choice.node);
      result.length.min = std::min(result.length.min, choice.length.min);
      result.length.max = std::max(result.length.max, choice.length.max);
    }
    if (choices.size() > 1) {
      result.node = grammar_.alternatives(choices);
    }
    return result;
  }

  Part parse_sequence(int groups) {
    const bool is_outermost = groups == 0;
    const bool has_begin = is_outermost && scanner_.skip_if('^');
    bool has_end = false;
    std::vector<Part> parts;
    if (is_outermost && !has_begin && options_.match == RegexMatch::kPart) {
      parts.push_back(anything());
    }
    while (!at_end_of_sequence() && !has_end) {
      if (is_outermost && ends_with_dollar()) {
        scanner_.skip(1);
        has_end = true;
      } else {
        parts.push_back(parse_repeated(groups));
      }
    }
    if (is_outermost && !has_end && options_.match == RegexMatch::kPart) {
      parts.push_back(anything());
    }
    return joined(parts);
  }

  Part joined(const std::vector<Part>& parts) {
    Part result;
    std::vector<NodeId> nodes;
    for (const Part& part : parts) {
      nodes.push_back(part.node);
      result.length.min = at_most(result.length.min + part.length.min);
      result.length.max = at_most(result.length.max + part.length.max);
    }
    result.node = nodes.size() == 1 ? nodes[0] : grammar_.sequence(nodes);
    return result;
  }

  bool at_end_of_sequence() const {
    return scanner_.at_end() || scanner_.peek() == '|' || scanner_.peek() == ')';
  }

  // A dollar sign at the end of an outermost alternative.
  bool ends_with_dollar() {
    if (scanner_.peek() != '$') {
      return false;
    }
    Scanner ahead = scanner_;
    ahead.skip(1);
    return ahead.at_end() || ahead.peek() == '|';
  }

  Part anything() { return repeated(character(CodePointSet::all()), {0, kUnlimited}); }

  Part repeated(const Part& part, Bounds bounds) {
    if (bounds.max == kUnlimited && options_.max_repeat != kUnlimited) {
      bounds.max = std::max(bounds.min, options_.max_repeat);
    }
    const bool has_end = bounds.max != kUnlimited || part.length.max == 0;
    const std::int64_t times = bounds.max == kUnlimited ? 0 : bounds.max;
    // Lengths are below 2^40 and bounds below 2^21.
    const LengthRange length = {
        .min = at_most(part.length.min * bounds.min),
        .max = has_end ? at_most(part.length.max * times) : LengthRange::kMaxLength};
    return {.node = grammar_.repeat(part.node, bounds.min, bounds.max), .length = length};
  }

  Part parse_repeated(int groups) {
    const Part part = parse_part(groups);
    const std::size_t begin = scanner_.offset();
    const std::optional<Bounds> bounds = parse_bounds();
    if (!bounds.has_value()) {
      return part;
    }
    scanner_.skip_if('?');  // lazy: the texts are the same
    if (bounds->min > Grammar::kMaxRepeat || bounds->max > Grammar::kMaxRepeat) {
      scanner_.fail_at(begin, fmt::format("expected at most {} repetitions", Grammar::kMaxRepeat));
    }
    if (bounds->max != kUnlimited && bounds->max < bounds->min) {
      scanner_.fail_at(begin, "the most repetitions are fewer than the least");
    }
    return repeated(part, *bounds);
  }

  std::optional<Bounds> parse_bounds() {
    if (scanner_.skip_if('*')) {
      return Bounds{0, kUnlimited};
    }
    if (scanner_.skip_if('+')) {
      return Bounds{1, kUnlimited};
    }
    if (scanner_.skip_if('?')) {
      return Bounds{0, 1};
    }
    return parse_braces();
  }

  // {n}, {n,} or {n,m}; braces around anything else are characters.
  std::optional<Bounds> parse_braces() {
    const std::size_t begin = scanner_.offset();
    if (!scanner_.skip_if('{') || !is_digit(scanner_.peek())) {
      scanner_.set_offset(begin);
      return std::nullopt;
    }
    Bounds bounds;
    bounds.min = scanner_.number();
    bounds.max = bounds.min;
    if (scanner_.skip_if(',')) {
      bounds.max = is_digit(scanner_.peek()) ? scanner_.number() : kUnlimited;
    }
    if (!scanner_.skip_if('}')) {
      scanner_.set_offset(begin);
      return std::nullopt;
    }
    return bounds;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  Part parse_part(int groups) {
    switch (scanner_.peek()) {
      case '(':
        return parse_group(groups);
      case '[':
        return character(parse_class(scanner_));
      case '.':
        scanner_.skip(1);
        return character(line_ends().complement());
      case '\\':
        return character(parse_escape(scanner_));
      case '^':
      case '$':
        scanner_.fail(fmt::format(
            "'{}' is only supported at the {} of the expression and of its outermost alternatives",
            scanner_.peek(), scanner_.peek() == '^' ? "beginning" : "end"));
      case '*':
      case '+':
      case '?':
        scanner_.fail_expected("something to repeat");
      default: {
        const char32_t value = scanner_.next();
        return character(CodePointSet({{value, value}}));
      }
    }
  }

  Part character(const CodePointSet& set) {
    return {.node = add_character(grammar_, set, options_.spelling),
            .length = {.min = 1, .max = 1}};
  }

  Part parse_group(int groups) {
    if (groups >= kMaxGroups) {
      scanner_.fail(fmt::format("expected at most {} groups one in another", kMaxGroups));
    }
    scanner_.skip(1);
    if (scanner_.peek() == '?') {
      skip_kind_of_group();
    }
    const Part group = parse_alternatives(groups + 1);
    if (!scanner_.skip_if(')')) {
      scanner_.fail_expected("')'");
    }
    return group;
  }

  void skip_kind_of_group() {
    for (const char* look_around : {"?=", "?!", "?<=", "?<!"}) {
      if (scanner_.starts_with(look_around)) {
        scanner_.fail("look-around is not supported");
      }
    }
    if (scanner_.starts_with("?:")) {
      scanner_.skip(2);
    } else if (scanner_.starts_with("?<") || scanner_.starts_with("?P<")) {
      while (!scanner_.skip_if('>')) {
        scanner_.next();
      }
    } else {
      scanner_.fail("expected a group (...), (?:...) or (?<name>...): flags are not supported");
    }
  }

  Grammar& grammar_;
  const RegexOptions& options_;
  Scanner scanner_;
};

}  // namespace

NodeId add_regex(Grammar& grammar, std::string_view pattern, const RegexOptions& options) {
  return Parser(grammar, pattern, options).parse(pattern.size()).node;
}

LengthRange measure_regex(std::string_view pattern, const RegexOptions& options) {
  Grammar unused(options.source);
  return Parser(unused, pattern, options).parse(pattern.size()).length;
}

Grammar regex_grammar(std::string_view pattern) {
  Grammar grammar("regex");
  const NodeId body = add_regex(grammar, pattern, {});
  grammar.set_root(grammar.add_rule("root", body));
  return grammar;
}

}  // namespace minimax::grammar
