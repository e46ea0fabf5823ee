// SPDX-License-Identifier: Apache-2.0
#include "text/pattern_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/file.h"

namespace minimax::text {
namespace {

struct BehaviorName {
  std::string_view name;
  SplitBehavior behavior;
};

constexpr std::array kBehaviorNames = {
    BehaviorName{"Isolated", SplitBehavior::kIsolated},
    BehaviorName{"Removed", SplitBehavior::kRemoved},
    BehaviorName{"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
    BehaviorName{"MergedWithNext", SplitBehavior::kMergedWithNext},
    BehaviorName{"Contiguous", SplitBehavior::kContiguous}};

}  // namespace

const std::string& component_type(const base::JsonView& json) {
  json.as_object();
  return json.require("type").as_string();
}

void for_each_component(const base::JsonView& json, const char* parts,
                        const std::function<void(const base::JsonView&)>& visit) {
  if (component_type(json) != "Sequence") {
    visit(json);
    return;
  }
  for (const base::JsonView& part : json.require(parts).elements()) {
    for_each_component(part, parts, visit);
  }
}

void refuse_type(const base::JsonView& json, const char* kind) {
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: {}: the {} {} is not supported", json.source(), json.pointer(), kind,
                          base::printable(component_type(json))));
}

Pattern parse_pattern(const base::JsonView& json) {
  if (const auto literal = json.get("String")) {
    if (literal->as_string().empty()) {
      literal->fail_expected("a pattern that is not empty");
    }
    return Pattern::literal(literal->as_string());
  }
  const base::JsonView regex = json.require("Regex");
  return Pattern::regex(regex.as_string(), regex.source() + ": " + regex.pointer());
}

base::Json to_json(const Pattern& pattern) {
  return base::JsonObject{{pattern.is_literal() ? "String" : "Regex", pattern.written()}};
}

SplitBehavior parse_behavior(const base::JsonView& json) {
  const auto* const row = std::ranges::find(kBehaviorNames, json.as_string(), &BehaviorName::name);
  if (row == kBehaviorNames.end()) {
    json.fail_expected(
        "one of Isolated, Removed, MergedWithPrevious, MergedWithNext and Contiguous");
  }
  return row->behavior;
}

std::string_view behavior_name(SplitBehavior behavior) {
  return std::ranges::find(kBehaviorNames, behavior, &BehaviorName::behavior)->name;
}

bool bool_or(const base::JsonView& json, const char* key, bool fallback) {
  const auto member = json.get(key);
  return member ? member->as_bool() : fallback;
}

std::string string_or(const base::JsonView& json, const char* key, std::string_view fallback) {
  const auto member = json.get(key);
  return member ? member->as_string() : std::string(fallback);
}

}  // namespace minimax::text
