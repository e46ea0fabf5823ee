// SPDX-License-Identifier: Apache-2.0
// Arrays of JSON schemas.
#include <algorithm>

#include "grammar/schema_compiler.h"

namespace minimax::grammar {
namespace {

using base::Json;
using base::JsonView;

/// What may stand in the places of an array.
struct Items {
  std::vector<NodeId> first;   // of prefixItems
  std::optional<NodeId> rest;  // nullopt: no more
  std::int64_t min = 0;
  std::int64_t max = kUnlimited;
};

JsonView child(const JsonView& schema, const std::string& key, const Json& value) {
  return JsonView(value, schema.source(), schema.pointer() + "/" + key);
}

// The schemas of the first places: prefixItems, or items where it is a list as in older drafts.
const char* keyword_of_first(const JsonView& schema) {
  const Json* items = schema.value().find("items");
  return items != nullptr && items->is_array() ? "items" : "prefixItems";
}

Items items_of(SchemaCompiler& compiler, const JsonView& schema, int depth) {
  Items items;
  items.min = count_of(schema, "minItems", 0);
  items.max = count_of(schema, "maxItems", kUnlimited);
  const std::string first = keyword_of_first(schema);
  if (const Json* list = schema.value().find(first); list != nullptr) {
    for (const JsonView& element : child(schema, first, *list).elements()) {
      items.first.push_back(compiler.convert(element, depth + 1));
    }
  }
  const char* rest = first == "items" ? "additionalItems" : "items";
  const Json* others = schema.value().find(rest);
  if (others == nullptr) {
    items.rest = compiler.json().value();
  } else if (!others->is_bool() || others->boolean()) {
    items.rest = compiler.convert(child(schema, rest, *others), depth + 1);
  }
  return items;
}

class ArrayWriter {
 public:
  ArrayWriter(SchemaCompiler& compiler, Items items)
      : grammar_(compiler.grammar()), json_(compiler.json()), items_(std::move(items)) {}

  NodeId write() {
    const auto places = static_cast<std::int64_t>(items_.first.size());
    if (!items_.rest.has_value()) {
      items_.max = items_.max == kUnlimited ? places : std::min(items_.max, places);
    }
    if (items_.max != kUnlimited && items_.max < items_.min) {
      return grammar_.alternatives({});
    }
    std::vector<NodeId> choices;
    if (items_.min == 0) {
      choices.push_back(grammar_.empty());
    }
    if (items_.max != 0) {
      const NodeId first = places > 0 ? items_.first[0] : *items_.rest;
      choices.push_back(grammar_.sequence({first, behind(1), json_.space()}));
    }
    return grammar_.sequence({grammar_.literal("["), json_.space(), grammar_.alternatives(choices),
                              grammar_.literal("]")});
  }

 private:
  NodeId next(NodeId item) {
    return grammar_.sequence({grammar_.literal(","), json_.space(), item});
  }

  // What follows `count` items.
  NodeId behind(std::int64_t count) {
    const auto places = static_cast<std::int64_t>(items_.first.size());
    const bool is_full = items_.max != kUnlimited && count >= items_.max;
    if (is_full) {
      return grammar_.empty();
    }
    if (count >= places) {
      const std::int64_t min = std::max<std::int64_t>(0, items_.min - count);
      const std::int64_t max = items_.max == kUnlimited ? kUnlimited : items_.max - count;
      return items_.rest.has_value() ? grammar_.repeat(next(*items_.rest), min, max)
                                     : grammar_.empty();
    }
    // A rule for each place keeps the grammar as flat as the list.
    const NodeId item = items_.first[static_cast<std::size_t>(count)];
    const NodeId more = grammar_.sequence({next(item), behind(count + 1)});
    const NodeId body = count >= items_.min ? grammar_.optional(more) : more;
    return grammar_.reference(grammar_.add_rule("items", body));
  }

  Grammar& grammar_;
  JsonRules& json_;
  Items items_;
};

}  // namespace

NodeId convert_array(SchemaCompiler& compiler, const JsonView& schema, int depth) {
  const std::optional<JsonView> unique = schema.get("uniqueItems");
  if (unique.has_value() && unique->as_bool()) {
    fail_schema(schema, "uniqueItems is not supported");
  }
  return ArrayWriter(compiler, items_of(compiler, schema, depth)).write();
}

}  // namespace minimax::grammar
