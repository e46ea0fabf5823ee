// SPDX-License-Identifier: Apache-2.0
#include "text/normalizer.h"
#include "text/pattern_json.h"

namespace minimax::text {
namespace {

NormalizerStep parse_step(const base::JsonView& json) {
  const std::string& type = component_type(json);
  if (type == "NFC") {
    return NormalizeForm{UnicodeForm::kNfc};
  }
  if (type == "NFD") {
    return NormalizeForm{UnicodeForm::kNfd};
  }
  if (type == "NFKC") {
    return NormalizeForm{UnicodeForm::kNfkc};
  }
  if (type == "NFKD") {
    return NormalizeForm{UnicodeForm::kNfkd};
  }
  if (type == "Lowercase") {
    return LowercaseText{};
  }
  if (type == "StripAccents") {
    return StripAccents{};
  }
  if (type == "Strip") {
    return StripSpaces{json.require("strip_left").as_bool(), json.require("strip_right").as_bool()};
  }
  if (type == "Prepend") {
    return PrependText{json.require("prepend").as_string()};
  }
  if (type == "Replace") {
    return ReplaceText{parse_pattern(json.require("pattern")), json.require("content").as_string()};
  }
  refuse_type(json, "normalizer");
}

}  // namespace

Normalizer Normalizer::from_json(const base::JsonView& json) {
  std::vector<NormalizerStep> steps;
  for_each_component(json, "normalizers",
                     [&](const base::JsonView& part) { steps.push_back(parse_step(part)); });
  return Normalizer(std::move(steps));
}

}  // namespace minimax::text
