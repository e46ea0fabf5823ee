// SPDX-License-Identifier: Apache-2.0
#include "text/pattern_json.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/file.h"

namespace minimax::text {

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

SplitBehavior parse_behavior(const base::JsonView& json) {
  const std::string& name = json.as_string();
  if (name == "Isolated") {
    return SplitBehavior::kIsolated;
  }
  if (name == "Removed") {
    return SplitBehavior::kRemoved;
  }
  if (name == "MergedWithPrevious") {
    return SplitBehavior::kMergedWithPrevious;
  }
  if (name == "MergedWithNext") {
    return SplitBehavior::kMergedWithNext;
  }
  if (name == "Contiguous") {
    return SplitBehavior::kContiguous;
  }
  json.fail_expected("one of Isolated, Removed, MergedWithPrevious, MergedWithNext and Contiguous");
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
