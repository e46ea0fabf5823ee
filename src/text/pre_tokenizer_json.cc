// SPDX-License-Identifier: Apache-2.0
#include "text/pattern_json.h"
#include "text/pre_tokenizer.h"

namespace minimax::text {
namespace {

PrependScheme parse_prepend_scheme(const base::JsonView& json) {
  const std::string& name = json.as_string();
  if (name == "always") {
    return PrependScheme::kAlways;
  }
  if (name == "first") {
    return PrependScheme::kFirst;
  }
  if (name == "never") {
    return PrependScheme::kNever;
  }
  json.fail_expected("one of always, first and never");
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

}  // namespace

PreTokenizer PreTokenizer::from_json(const base::JsonView& json) {
  std::vector<PreTokenizerStage> stages;
  for_each_component(json, "pretokenizers",
                     [&](const base::JsonView& part) { stages.push_back(parse_stage(part)); });
  return PreTokenizer(std::move(stages));
}

}  // namespace minimax::text
