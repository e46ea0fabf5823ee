// SPDX-License-Identifier: Apache-2.0
#include "grammar/json_values.h"

#include <string>
#include <vector>

#include "grammar/regex.h"
#include "grammar/spelling.h"

namespace minimax::grammar {
namespace {

constexpr std::int64_t kMaxIndent = 40;

}  // namespace

JsonRules::JsonRules(Grammar& grammar)
    : grammar_(grammar),
      space_(grammar.declare("white space")),
      character_(grammar.declare("character")),
      plain_characters_(grammar.declare("characters")),
      value_(grammar.declare("value")),
      object_(grammar.declare("object")),
      array_(grammar.declare("array")),
      string_(grammar.declare("string")),
      number_(grammar.declare("number")),
      integer_(grammar.declare("integer")) {
  const ByteRange blanks[] = {{' ', ' '}, {'\t', '\t'}};
  const NodeId indent = grammar_.repeat(grammar_.bytes(blanks), 0, kMaxIndent);
  grammar_.define(space_,
                  grammar_.alternatives({grammar_.empty(), grammar_.literal(" "),
                                         grammar_.sequence({grammar_.literal("\n"), indent})}));
  define_strings();
  define_numbers();
  define_containers();
}

NodeId JsonRules::boolean() {
  return grammar_.alternatives({grammar_.literal("true"), grammar_.literal("false")});
}

NodeId JsonRules::digits(char first, char last) {
  const ByteRange range = {static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(last)};
  return grammar_.bytes({&range, 1});
}

void JsonRules::define_strings() {
  const RegexOptions options = {.source = "JSON"};
  grammar_.define(character_,
                  add_regex(grammar_,
                            R"([^"\\\x00-\x1f]|\\(["\\/bfnrt]|u([0-9a-cA-CefEF][0-9a-fA-F]{3})"
                            R"(|[dD][0-7][0-9a-fA-F]{2}|[dD][89abAB][0-9a-fA-F]{2}\\u)"
                            R"([dD][c-fC-F][0-9a-fA-F]{2})))",
                            options));
  const NodeId plain = add_character(grammar_, CodePointSet::all(), Spelling::kInJsonString);
  grammar_.define(plain_characters_, grammar_.repeat(plain, 0, kUnlimited));
  const NodeId any_text = grammar_.repeat(grammar_.reference(character_), 0, kUnlimited);
  grammar_.define(string_,
                  grammar_.sequence({grammar_.literal("\""), any_text, grammar_.literal("\"")}));
}

void JsonRules::define_numbers() {
  const RegexOptions options = {.source = "JSON"};
  grammar_.define(integer_, add_regex(grammar_, "-?(0|[1-9][0-9]*)", options));
  grammar_.define(
      number_, add_regex(grammar_, R"(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)", options));
}

// Nothing, or items with commas between.
NodeId JsonRules::list_of(const char* open, NodeId item, const char* close) {
  const NodeId next = grammar_.sequence({grammar_.literal(","), space(), item});
  const NodeId items = grammar_.sequence({item, grammar_.repeat(next, 0, kUnlimited), space()});
  return grammar_.sequence({grammar_.literal(open), space(),
                            grammar_.alternatives({grammar_.empty(), items}),
                            grammar_.literal(close)});
}

void JsonRules::define_containers() {
  const NodeId member = grammar_.sequence({string(), grammar_.literal(":"), space(), value()});
  grammar_.define(object_, list_of("{", member, "}"));
  grammar_.define(array_, list_of("[", value(), "]"));
  grammar_.define(
      value_, grammar_.alternatives({object(), array(), string(), number(), boolean(), null()}));
}

NodeId JsonRules::constant_list(const char* open, const std::vector<NodeId>& items,
                                const char* close) {
  std::vector<NodeId> parts = {grammar_.literal(open), space()};
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) {
      parts.push_back(grammar_.literal(","));
      parts.push_back(space());
    }
    parts.push_back(items[i]);
  }
  if (!items.empty()) {
    parts.push_back(space());
  }
  parts.push_back(grammar_.literal(close));
  return grammar_.sequence(parts);
}

NodeId JsonRules::constant(const base::Json& value) {
  std::vector<NodeId> items;
  if (value.is_array()) {
    for (const base::Json& element : value.array()) {
      items.push_back(constant(element));
    }
    return constant_list("[", items, "]");
  }
  if (value.is_object()) {
    for (const base::JsonMember& member : value.object()) {
      items.push_back(grammar_.sequence({grammar_.literal(base::quote_json(member.first) + ":"),
                                         space(), constant(member.second)}));
    }
    return constant_list("{", items, "}");
  }
  return grammar_.literal(base::write_json(value));
}

}  // namespace minimax::grammar
