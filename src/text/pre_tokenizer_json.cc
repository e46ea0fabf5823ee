// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>

#include "text/pattern_json.h"
#include "text/pre_tokenizer.h"

namespace minimax::text {
namespace {

struct SchemeName {
  std::string_view name;
  PrependScheme scheme;
};

constexpr std::array kSchemeNames = {SchemeName{"always", PrependScheme::kAlways},
                                     SchemeName{"first", PrependScheme::kFirst},
                                     SchemeName{"never", PrependScheme::kNever}};

PrependScheme parse_prepend_scheme(const base::JsonView& json) {
  const auto* const row = std::ranges::find(kSchemeNames, json.as_string(), &SchemeName::name);
  if (row == kSchemeNames.end()) {
    json.fail_expected("one of always, first and never");
  }
  return row->scheme;
}

MetaspaceStage parse_metaspace(const base::JsonView& json) {
  MetaspaceStage stage{.replacement = json.require("replacement").as_string()};
  if (stage.replacement.empty()) {
    json.require("replacement").fail_expected("one character");
  }
  if (const auto scheme = json.get("prepend_scheme")) {
    stage.prepend_scheme = parse_prepend_scheme(*scheme);
  } else if (!bool_or(json, "add_prefix_space", true)) {
    stage.prepend_scheme = PrependScheme::kNever;
  }
  stage.split = bool_or(json, "split", true);
  return stage;
}

SplitBehavior behavior_or_isolated(const base::JsonView& json) {
  const auto behavior = json.get("behavior");
  return behavior ? parse_behavior(*behavior) : SplitBehavior::kIsolated;
}

PreTokenizerStage parse_stage(const base::JsonView& json) {
  const std::string& type = component_type(json);
  if (type == "Split") {
    return SplitStage{parse_pattern(json.require("pattern")),
                      {parse_behavior(json.require("behavior")), bool_or(json, "invert", false)}};
  }
  if (type == "Digits") {
    return DigitsStage{bool_or(json, "individual_digits", false)};
  }
  if (type == "ByteLevel") {
    return ByteLevelStage{bool_or(json, "add_prefix_space", true),
                          bool_or(json, "use_regex", true)};
  }
  if (type == "Whitespace") {
    return WhitespaceStage{};
  }
  if (type == "WhitespaceSplit") {
    return WhitespaceSplitStage{};
  }
  if (type == "Punctuation") {
    return PunctuationStage{behavior_or_isolated(json)};
  }
  if (type == "Metaspace") {
    return parse_metaspace(json);
  }
  refuse_type(json, "pre-tokenizer");
}

base::Json stage_json(const SplitStage& stage) {
  return base::JsonObject{{"type", "Split"},
                          {"pattern", to_json(stage.pattern)},
                          {"behavior", behavior_name(stage.rule.behavior)},
                          {"invert", stage.rule.invert}};
}

base::Json stage_json(const DigitsStage& stage) {
  return base::JsonObject{{"type", "Digits"}, {"individual_digits", stage.individual}};
}

// Offsets are not kept here; false would change only those.
base::Json stage_json(const ByteLevelStage& stage) {
  return base::JsonObject{{"type", "ByteLevel"},
                          {"add_prefix_space", stage.add_prefix_space},
                          {"trim_offsets", true},
                          {"use_regex", stage.use_regex}};
}

base::Json stage_json(const WhitespaceStage& /*stage*/) {
  return base::JsonObject{{"type", "Whitespace"}};
}

base::Json stage_json(const WhitespaceSplitStage& /*stage*/) {
  return base::JsonObject{{"type", "WhitespaceSplit"}};
}

base::Json stage_json(const PunctuationStage& stage) {
  return base::JsonObject{{"type", "Punctuation"}, {"behavior", behavior_name(stage.behavior)}};
}

base::Json stage_json(const MetaspaceStage& stage) {
  return base::JsonObject{
      {"type", "Metaspace"},
      {"replacement", stage.replacement},
      {"prepend_scheme",
       std::ranges::find(kSchemeNames, stage.prepend_scheme, &SchemeName::scheme)->name},
      {"split", stage.split}};
}

}  // namespace

PreTokenizer PreTokenizer::from_json(const base::JsonView& json) {
  std::vector<PreTokenizerStage> stages;
  for_each_component(json, "pretokenizers",
                     [&](const base::JsonView& part) { stages.push_back(parse_stage(part)); });
  return PreTokenizer(std::move(stages));
}

base::Json PreTokenizer::to_json() const {
  base::JsonArray stages;
  for (const PreTokenizerStage& stage : stages_) {
    stages.push_back(std::visit([](const auto& one) { return stage_json(one); }, stage));
  }
  if (stages.size() > 1) {
    return base::JsonObject{{"type", "Sequence"}, {"pretokenizers", std::move(stages)}};
  }
  return stages.empty() ? base::Json() : std::move(stages.front());
}

}  // namespace minimax::text
