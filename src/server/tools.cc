// SPDX-License-Identifier: Apache-2.0
#include "server/tools.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/api_error.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;
using Kind = ToolChoice::Kind;

constexpr std::size_t kLongestName = 64;

ToolChoice read_choice(const Json& choice, std::string_view field) {
  if (choice.is_string()) {
    if (choice.string() == "none") {
      return {.kind = Kind::kNone};
    }
    if (choice.string() == "auto") {
      return {.kind = Kind::kAuto};
    }
    if (choice.string() == "required") {
      return {.kind = Kind::kRequired};
    }
  }
  if (choice.is_object()) {
    // The chat protocol has the name in "function", that of responses beside the type.
    const Json* function = choice.find("function");
    const Fields named(function == nullptr ? choice : *function, std::string(field));
    return {.kind = Kind::kNamed, .name = named.require_string("name")};
  }
  throw bad_field(
      std::string(field),
      fmt::format("expected \"none\", \"auto\", \"required\" or the name of a function, "
                  "found {}",
                  describe_json(choice)));
}

const std::string& name_of(const Json& tool) {
  return tool.find("function")->find("name")->string();
}

// References within a schema start at its root, which becomes a part of another one.
void move_references(Json& schema, const std::string& place) {
  if (schema.is_array()) {
    for (Json& each : schema.array()) {
      move_references(each, place);
    }
  }
  if (!schema.is_object()) {
    return;
  }
  for (base::JsonMember& member : schema.object()) {
    if (member.first == "$ref" && member.second.is_string() &&
        member.second.string().starts_with('#')) {
      member.second = place + member.second.string().substr(1);
    } else {
      move_references(member.second, place);
    }
  }
}

}  // namespace

void check_tool(const Json& tool, const std::string& place) {
  const Fields fields(tool, place);
  const std::string* type = fields.string("type");
  if (type == nullptr || *type != "function") {
    fields.refuse("type", "\"function\"");
  }
  fields.require("function");
  const Fields function(*fields.object("function"), fields.path("function"));
  const std::string& name = function.require_string("name");
  constexpr std::string_view kOfNames =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  if (name.empty() || name.size() > kLongestName ||
      name.find_first_not_of(kOfNames) != std::string::npos) {
    function.refuse("name", fmt::format("1 to {} letters, digits, _, - or .", kLongestName));
  }
  function.string("description");
  function.object("parameters");
}

Tools read_tools(const Fields& fields, const RequestLimits& limits) {
  Tools tools;
  const bool is_old = fields.find("functions") != nullptr && fields.find("tools") == nullptr;
  const char* list = is_old ? "functions" : "tools";
  if (const JsonArray* array = fields.array(list, limits.tools)) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      Json tool =
          is_old ? Json(JsonObject{{"type", "function"}, {"function", (*array)[i]}}) : (*array)[i];
      check_tool(tool, fmt::format("{}[{}]", list, i));
      tools.definitions.push_back(std::move(tool));
    }
  }
  const char* choice = is_old ? "function_call" : "tool_choice";
  if (const Json* value = fields.find(choice)) {
    tools.choice = read_choice(*value, choice);
  }
  tools.allows_parallel_calls = fields.boolean("parallel_tool_calls", true);
  check_choice(tools);
  if (tools.choice.kind == Kind::kNone) {
    tools.definitions.clear();
  }
  return tools;
}

void check_choice(const Tools& tools) {
  const ToolChoice& choice = tools.choice;
  if (choice.kind == Kind::kRequired && !tools.has_tools()) {
    throw bad_field("tool_choice", "\"required\" needs tools, found none");
  }
  const bool is_known = std::ranges::any_of(
      tools.definitions, [&](const Json& tool) { return name_of(tool) == choice.name; });
  if (choice.kind == Kind::kNamed && !is_known) {
    throw bad_field("tool_choice", fmt::format("expected the name of one of the tools, found {}",
                                               describe_json(choice.name)));
  }
}

bool must_call(const Tools& tools) {
  return tools.choice.kind == Kind::kNamed || tools.choice.kind == Kind::kRequired;
}

Json call_schema(const Tools& tools) {
  JsonArray calls;
  for (const Json& tool : tools.definitions) {
    if (tools.choice.kind == Kind::kNamed && name_of(tool) != tools.choice.name) {
      continue;
    }
    const Json* parameters = tool.find("function")->find("parameters");
    Json arguments = parameters == nullptr ? Json(JsonObject{{"type", "object"}}) : *parameters;
    move_references(arguments, fmt::format("#/anyOf/{}/properties/arguments", calls.size()));
    calls.emplace_back(
        JsonObject{{"type", "object"},
                   {"properties", JsonObject{{"name", JsonObject{{"const", name_of(tool)}}},
                                             {"arguments", std::move(arguments)}}},
                   {"required", JsonArray{"name", "arguments"}},
                   {"additionalProperties", false}});
  }
  return JsonObject{{"anyOf", std::move(calls)}};
}

}  // namespace minimax::server
