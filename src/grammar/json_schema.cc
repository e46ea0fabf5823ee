// SPDX-License-Identifier: Apache-2.0
#include "grammar/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <iterator>

#include "grammar/schema_compiler.h"
#include "minimax/error.h"

namespace minimax::grammar {
namespace {

using base::Json;
using base::JsonMember;
using base::JsonObject;
using base::JsonView;

constexpr int kMaxDepth = 64;
constexpr int kMaxMerges = 2000;

JsonView child(const JsonView& schema, const std::string& key, const Json& value) {
  return JsonView(value, schema.source(), schema.pointer() + "/" + key);
}

bool has(const JsonView& schema, const char* keyword) {
  return schema.value().find(keyword) != nullptr;
}

// Whether anything but the keyword and annotations is there.
bool has_more_than(const JsonView& schema, std::string_view keyword) {
  const JsonObject& members = schema.value().object();
  return std::any_of(members.begin(), members.end(), [&](const JsonMember& member) {
    return member.first != keyword && !is_annotation(member.first);
  });
}

Json without(const Json& schema, std::string_view keyword) {
  JsonObject members = schema.object();
  std::erase_if(members, [&](const JsonMember& member) { return member.first == keyword; });
  return members;
}

/// The types that a schema without "type" speaks of.
std::vector<std::string> types_of_keywords(const JsonView& schema) {
  static constexpr std::pair<const char*, const char*> kKeywords[] = {
      {"properties", "object"},
      {"required", "object"},
      {"additionalProperties", "object"},
      {"patternProperties", "object"},
      {"propertyNames", "object"},
      {"minProperties", "object"},
      {"maxProperties", "object"},
      {"items", "array"},
      {"prefixItems", "array"},
      {"minItems", "array"},
      {"maxItems", "array"},
      {"uniqueItems", "array"},
      {"additionalItems", "array"},
      {"minLength", "string"},
      {"maxLength", "string"},
      {"pattern", "string"},
      {"format", "string"},
      {"minimum", "number"},
      {"maximum", "number"},
      {"exclusiveMinimum", "number"},
      {"exclusiveMaximum", "number"},
  };
  std::vector<std::string> types;
  for (const auto& [keyword, type] : kKeywords) {
    if (has(schema, keyword) && std::find(types.begin(), types.end(), type) == types.end()) {
      types.emplace_back(type);
    }
  }
  return types;
}

std::vector<std::string> types_of(const JsonView& schema) {
  const Json* type = schema.value().find("type");
  if (type == nullptr) {
    return types_of_keywords(schema);
  }
  const JsonView view = child(schema, "type", *type);
  if (type->is_string()) {
    return {type->string()};
  }
  std::vector<std::string> types;
  for (const JsonView& element : view.elements()) {
    types.push_back(element.as_string());
  }
  if (types.empty()) {
    view.fail_expected("at least one type");
  }
  return types;
}

bool is_of_type(const Json& value, const std::string& type) {
  return value.type_name() == type || (type == "number" && value.is_number()) ||
         (type == "integer" && value.is_number() && value.number() == std::trunc(value.number()));
}

// A part of a reference: ~1 stands for / and ~0 for ~, and %HH for a byte.
std::string unescaped(std::string_view part) {
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const std::string hex(part.substr(i + 1, 2));
    const bool is_hex = hex.size() == 2 && std::isxdigit(static_cast<unsigned char>(hex[0])) &&
                        std::isxdigit(static_cast<unsigned char>(hex[1]));
    if (part[i] == '~' && i + 1 < part.size()) {
      text += part[++i] == '1' ? '/' : '~';
    } else if (part[i] == '%' && is_hex) {
      text += static_cast<char>(std::stoi(hex, nullptr, 16));
      i += 2;
    } else {
      text += part[i];
    }
  }
  return text;
}

const Json* step(const Json& value, const std::string& key) {
  if (!value.is_array()) {
    return value.find(key);
  }
  const bool is_index =
      !key.empty() && key.size() < 7 &&
      std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
  const std::size_t index = is_index ? std::stoul(key) : value.array().size();
  return index < value.array().size() ? &value.array()[index] : nullptr;
}

}  // namespace

Grammar SchemaCompiler::compile() {
  rules_[&document_.value()] = grammar_.declare("#");
  pending_.push_back({rules_[&document_.value()], document_});
  grammar_.set_root(pending_[0].rule);
  while (!pending_.empty()) {
    const PendingRule next = pending_.back();
    pending_.pop_back();
    grammar_.define(next.rule, convert(next.schema, 0));
  }
  return std::move(grammar_);
}

JsonView SchemaCompiler::keep(Json schema, const JsonView& origin) {
  kept_.push_back(std::move(schema));
  return JsonView(kept_.back(), origin.source(), origin.pointer());
}

NodeId SchemaCompiler::convert(const JsonView& schema, int depth) {
  if (depth > kMaxDepth) {
    fail_schema(schema, fmt::format("expected at most {} schemas one in another", kMaxDepth));
  }
  if (schema.value().is_bool()) {
    return schema.value().boolean() ? json_.value() : grammar_.alternatives({});
  }
  if (!schema.value().is_object()) {
    schema.fail_expected("a schema (an object, true or false)");
  }
  return convert_object_schema(schema, depth);
}

NodeId SchemaCompiler::convert_object_schema(const JsonView& schema, int depth) {
  check_keywords(schema);
  if (has(schema, "$ref") && !has_more_than(schema, "$ref")) {
    return convert_reference(schema);
  }
  if (const Json* list = schema.value().find("allOf"); list != nullptr && list->is_array() &&
                                                       list->array().size() == 1 &&
                                                       !has_more_than(schema, "allOf")) {
    return convert(child(schema, "allOf/0", list->array()[0]), depth + 1);
  }
  if (has(schema, "allOf") || has(schema, "$ref")) {
    return convert(merge_all_of(schema), depth + 1);
  }
  if (has(schema, "enum") || has(schema, "const")) {
    return convert_values(schema);
  }
  for (const char* keyword : {"anyOf", "oneOf"}) {
    if (has(schema, keyword)) {
      return convert_any_of(schema, keyword, depth);
    }
  }
  return convert_types(schema, depth);
}

NodeId SchemaCompiler::convert_reference(const JsonView& schema) {
  const std::string& reference = schema.require("$ref").as_string();
  const JsonView target = target_of(schema, reference);
  const auto [it, is_new] = rules_.try_emplace(&target.value(), 0);
  if (is_new) {
    it->second = grammar_.declare(reference);
    pending_.push_back({it->second, target});
  }
  return grammar_.reference(it->second);
}

JsonView SchemaCompiler::target_of(const JsonView& schema, const std::string& reference) {
  const JsonView place = schema.require("$ref");
  if (!reference.starts_with('#')) {
    place.fail_expected("a reference inside of the schema (#/...)");
  }
  const Json* target = &document_.value();
  std::string_view rest = std::string_view(reference).substr(1);
  while (target != nullptr && rest.starts_with('/')) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    target = step(*target, unescaped(rest.substr(0, end)));
    rest.remove_prefix(end);
  }
  if (target == nullptr || !rest.empty()) {
    place.fail_expected("the pointer of a part of the schema");
  }
  return JsonView(*target, schema.source(), document_.pointer() + reference.substr(1));
}

NodeId SchemaCompiler::convert_values(const JsonView& schema) {
  static constexpr const char* kOther[] = {"enum", "const", "type"};
  for (const JsonMember& member : schema.value().object()) {
    const bool is_known = std::any_of(std::begin(kOther), std::end(kOther),
                                      [&](const char* key) { return member.first == key; });
    if (!is_known && !is_annotation(member.first)) {
      fail_schema(schema,
                  fmt::format("\"{}\" is not supported beside enum and const", member.first));
    }
  }
  std::vector<const Json*> values;
  if (const Json* list = schema.value().find("enum"); list != nullptr) {
    for (const JsonView& element : child(schema, "enum", *list).elements()) {
      values.push_back(&element.value());
    }
  }
  if (const Json* constant = schema.value().find("const"); constant != nullptr) {
    const bool is_allowed =
        !has(schema, "enum") || std::any_of(values.begin(), values.end(), [&](const Json* value) {
          return base::write_json(*value) == base::write_json(*constant);
        });
    values.assign(is_allowed ? 1 : 0, constant);
  }
  const std::vector<std::string> types =
      has(schema, "type") ? types_of(schema) : std::vector<std::string>();
  std::vector<NodeId> choices;
  for (const Json* value : values) {
    const bool is_allowed = types.empty() || std::any_of(types.begin(), types.end(), [&](auto& t) {
                              return is_of_type(*value, t);
                            });
    if (is_allowed) {
      choices.push_back(json_.constant(*value));
    }
  }
  return grammar_.alternatives(choices);
}

// oneOf too: answers that satisfy several of its schemas are not left out.
NodeId SchemaCompiler::convert_any_of(const JsonView& schema, const std::string& keyword,
                                      int depth) {
  const JsonView list = child(schema, keyword, *schema.value().find(keyword));
  std::vector<NodeId> choices;
  const bool is_alone = !has_more_than(schema, keyword);
  const JsonView rest = is_alone ? schema : keep(without(schema.value(), keyword), schema);
  for (const JsonView& choice : list.elements()) {
    choices.push_back(is_alone ? convert(choice, depth + 1)
                               : convert(keep(merged(rest, choice), choice), depth + 1));
  }
  if (choices.empty()) {
    list.fail_expected("at least one schema");
  }
  return grammar_.alternatives(choices);
}

NodeId SchemaCompiler::convert_types(const JsonView& schema, int depth) {
  const std::vector<std::string> types = types_of(schema);
  if (types.empty()) {
    return json_.value();
  }
  std::vector<NodeId> choices;
  for (const std::string& type : types) {
    choices.push_back(convert_type(schema, type, depth));
  }
  return choices.size() == 1 ? choices[0] : grammar_.alternatives(choices);
}

NodeId SchemaCompiler::convert_type(const JsonView& schema, const std::string& type, int depth) {
  if (type == "object") {
    return convert_object(*this, schema, depth);
  }
  if (type == "array") {
    return convert_array(*this, schema, depth);
  }
  if (type == "string") {
    return convert_string(*this, schema);
  }
  if (type == "number" || type == "integer") {
    return convert_number(*this, schema, type);
  }
  if (type == "boolean") {
    return json_.boolean();
  }
  if (type != "null") {
    child(schema, "type", *schema.value().find("type"))
        .fail_expected("object, array, string, number, integer, boolean or null");
  }
  return json_.null();
}

// The schema with its references and all that it demands of itself made one.
JsonView SchemaCompiler::merge_all_of(const JsonView& schema) { return keep(flat(schema), schema); }

Json SchemaCompiler::flat(const JsonView& schema) {
  if (!schema.value().is_object()) {
    return schema.value();
  }
  check_keywords(schema);
  if (++merges_ > kMaxMerges) {
    fail_schema(schema, "the schemas of allOf are too many, or refer to each other in a circle");
  }
  Json rest = without(without(schema.value(), "allOf"), "$ref");
  if (has(schema, "$ref")) {
    const std::string reference = schema.require("$ref").as_string();
    rest = merged(keep(std::move(rest), schema), target_of(schema, reference));
  }
  if (const Json* list = schema.value().find("allOf"); list != nullptr) {
    for (const JsonView& part : child(schema, "allOf", *list).elements()) {
      rest = merged(keep(std::move(rest), schema), part);
    }
  }
  return rest;
}

Json SchemaCompiler::merged(const JsonView& a, const JsonView& b) {
  const bool is_plain = b.value().is_object() && !has(b, "allOf") && !has(b, "$ref");
  if (++merges_ > kMaxMerges) {
    fail_schema(a, "the schemas of allOf are too many, or refer to each other in a circle");
  }
  return merge_schemas(a, is_plain ? b : keep(flat(b), b));
}

Grammar json_schema_grammar(const JsonView& schema) {
  try {
    return SchemaCompiler(schema).compile();
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, error.what());  // JsonView speaks of corrupt files
  }
}

Grammar json_object_grammar() {
  Grammar grammar("json_object");
  JsonRules json(grammar);
  grammar.set_root(grammar.add_rule("root", json.object()));
  return grammar;
}

}  // namespace minimax::grammar
