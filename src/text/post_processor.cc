// SPDX-License-Identifier: Apache-2.0
#include "text/post_processor.h"

#include "text/pattern_json.h"
#include "text/token_table.h"

namespace minimax::text {
namespace {

// The ids of a special token, which the template lists by name.
std::vector<std::int32_t> special_ids(const base::JsonView& json, const std::string& name) {
  std::vector<std::int32_t> ids;
  for (const auto& id : json.require("special_tokens").require(name).require("ids").elements()) {
    ids.push_back(static_cast<std::int32_t>(id.as_integer(0, TokenTable::kMaxId)));
  }
  return ids;
}

}  // namespace

// Templates nest: in a sequence, the second wraps what the first has made.
void PostProcessor::add_template(const base::JsonView& json) {
  std::vector<std::int32_t> before;
  std::vector<std::int32_t> behind;
  bool seen_text = false;
  for (const base::JsonView& piece : json.require("single").elements()) {
    if (piece.get("Sequence")) {
      if (seen_text) {
        piece.fail_expected("the text once");
      }
      seen_text = true;
      continue;
    }
    const std::string& name = piece.require("SpecialToken").require("id").as_string();
    for (const std::int32_t id : special_ids(json, name)) {
      (seen_text ? behind : before).push_back(id);
    }
  }
  if (!seen_text) {
    json.require("single").fail_expected("a template with the text in it");
  }
  prefix_.insert(prefix_.begin(), before.begin(), before.end());
  suffix_.insert(suffix_.end(), behind.begin(), behind.end());
}

PostProcessor PostProcessor::from_json(const base::JsonView& json) {
  PostProcessor result;
  for_each_component(json, "processors", [&](const base::JsonView& part) {
    const std::string& type = component_type(part);
    if (type == "TemplateProcessing") {
      result.add_template(part);
    } else if (type != "ByteLevel") {
      refuse_type(part, "post-processor");
    }
  });
  return result;
}

}  // namespace minimax::text
