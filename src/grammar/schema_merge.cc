// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "grammar/schema_compiler.h"

namespace minimax::grammar {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonMember;
using base::JsonObject;
using base::JsonView;

constexpr std::size_t kMaxValues = 4000;  // lists are compared one by one

bool is_equal(const Json& a, const Json& b) { return base::write_json(a) == base::write_json(b); }

bool is_one_of(const std::string& keyword, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* word) { return keyword == word; });
}

JsonArray as_list(const Json& value) { return value.is_array() ? value.array() : JsonArray{value}; }

bool contains(const JsonArray& list, const Json& value) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Json& element) { return is_equal(element, value); });
}

// What both lists have. An integer is a number.
Json common_types(const Json& a, const Json& b) {
  const JsonArray first = as_list(a);
  const JsonArray second = as_list(b);
  JsonArray result;
  for (const auto& [list, other] : {std::pair(first, second), std::pair(second, first)}) {
    for (const Json& type : list) {
      const bool is_integer = type.is_string() && type.string() == "integer";
      const bool is_common = contains(other, type) || (is_integer && contains(other, "number"));
      if (is_common && !contains(result, type)) {
        result.push_back(type);
      }
    }
  }
  return result;
}

Json common_values(const Json& a, const Json& b) {
  JsonArray result;
  for (const Json& value : as_list(a)) {
    if (contains(as_list(b), value)) {
      result.push_back(value);
    }
  }
  return result;
}

Json united_names(const Json& a, const Json& b) {
  JsonArray result = as_list(a);
  for (const Json& name : as_list(b)) {
    if (!contains(result, name)) {
      result.push_back(name);
    }
  }
  return result;
}

Json both(const Json& a, const Json& b) { return JsonObject{{"allOf", JsonArray{a, b}}}; }

Json united_properties(const JsonView& place, const Json& a, const Json& b) {
  if (!a.is_object() || !b.is_object()) {
    fail_schema(place, "properties: expected objects");
  }
  JsonObject result = a.object();
  for (const JsonMember& member : b.object()) {
    const auto it = std::find_if(result.begin(), result.end(), [&](const JsonMember& known) {
      return known.first == member.first;
    });
    if (it == result.end()) {
      result.push_back(member);
    } else if (!is_equal(it->second, member.second)) {
      it->second = both(it->second, member.second);
    }
  }
  return result;
}

bool is_larger(const JsonView& place, const std::string& keyword, const Json& a, const Json& b) {
  if (!a.is_number() || !b.is_number()) {
    fail_schema(place, keyword + ": expected a number");
  }
  return a.number() > b.number();
}

Json merged_keyword(const JsonView& place, const std::string& keyword, const Json& a,
                    const Json& b) {
  if (is_equal(a, b)) {
    return a;
  }
  if (a.is_array() && b.is_array() && a.array().size() + b.array().size() > kMaxValues) {
    fail_schema(place, fmt::format("{}: expected at most {} values in schemas that both hold",
                                   keyword, kMaxValues));
  }
  if (keyword == "type") {
    return common_types(a, b);
  }
  if (keyword == "enum") {
    return common_values(a, b);
  }
  if (keyword == "required") {
    return united_names(a, b);
  }
  if (keyword == "properties") {
    return united_properties(place, a, b);
  }
  if (is_one_of(keyword, {"items", "additionalProperties", "propertyNames"}) && !a.is_array() &&
      !b.is_array()) {
    return both(a, b);
  }
  if (is_one_of(keyword,
                {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})) {
    return is_larger(place, keyword, a, b) ? a : b;
  }
  if (is_one_of(keyword,
                {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})) {
    return is_larger(place, keyword, a, b) ? b : a;
  }
  fail_schema(place, fmt::format("\"{}\" of two schemas that both hold is not supported", keyword));
}

// Properties that only one of the two names are not for the other's additionalProperties.
void check_additional(const JsonView& place, const Json& closed, const Json& other) {
  const Json* additional = closed.find("additionalProperties");
  const Json* added = other.find("properties");
  if (additional == nullptr || (additional->is_bool() && additional->boolean()) ||
      added == nullptr || !added->is_object()) {
    return;
  }
  const Json* known = closed.find("properties");
  for (const JsonMember& member : added->object()) {
    if (known == nullptr || known->find(member.first) == nullptr) {
      fail_schema(place, fmt::format("additionalProperties of one schema and a property {} of "
                                     "another that both hold are not supported",
                                     base::quote_json(member.first.substr(0, 80))));
    }
  }
}

}  // namespace

Json merge_schemas(const JsonView& a, const JsonView& b) {
  for (const JsonView* schema : {&a, &b}) {
    if (schema->value().is_bool()) {
      const JsonView& other = schema == &a ? b : a;
      return schema->value().boolean() ? other.value() : schema->value();
    }
    if (!schema->value().is_object()) {
      schema->fail_expected("a schema (an object, true or false)");
    }
  }
  check_additional(b, a.value(), b.value());
  check_additional(b, b.value(), a.value());
  JsonObject result = a.value().object();
  for (const JsonMember& member : b.value().object()) {
    const auto it = std::find_if(result.begin(), result.end(), [&](const JsonMember& known) {
      return known.first == member.first;
    });
    if (it == result.end()) {
      result.push_back(member);
    } else if (!is_annotation(member.first)) {
      it->second = merged_keyword(b, member.first, it->second, member.second);
    }
  }
  return result;
}

}  // namespace minimax::grammar
