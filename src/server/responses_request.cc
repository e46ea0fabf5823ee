// SPDX-License-Identifier: Apache-2.0
#include "server/responses_request.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "server/api_error.h"
#include "server/sampling.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

// A text, or parts of types input_text and output_text, as chat templates take them.
Json content_of(const Fields& item, const char* name) {
  const Json& content = item.require(name);
  if (content.is_string()) {
    return content;
  }
  if (!content.is_array()) {
    item.refuse(name, "a string or an array of parts");
  }
  JsonArray parts;
  for (std::size_t i = 0; i < content.array().size(); ++i) {
    const Fields part(content.array()[i], fmt::format("{}[{}]", item.path(name), i));
    const std::string& type = part.require_string("type");
    if (type != "input_text" && type != "output_text" && type != "text") {
      part.refuse("type", "\"input_text\" or \"output_text\"");
    }
    parts.emplace_back(JsonObject{{"type", "text"}, {"text", part.require_string("text")}});
  }
  return parts;
}

Json call_of(const Fields& item) {
  const std::string* arguments = item.string("arguments");
  return JsonObject{{"id", item.require_string("call_id")},
                    {"type", "function"},
                    {"function", JsonObject{{"name", item.require_string("name")},
                                            {"arguments", arguments == nullptr ? std::string("{}")
                                                                               : *arguments}}}};
}

// Calls stand beside the message of the assistant before them.
void add_call(Json call, JsonArray& messages) {
  const bool continues = !messages.empty() && messages.back().find("role")->string() == "assistant";
  if (!continues) {
    messages.emplace_back(JsonObject{{"role", "assistant"}, {"content", ""}});
  }
  JsonObject& message = messages.back().object();
  if (messages.back().find("tool_calls") == nullptr) {
    message.emplace_back("tool_calls", JsonArray());
  }
  message.back().second.array().push_back(std::move(call));
}

void add_item(const Fields& item, JsonArray& messages) {
  const std::string* type = item.string("type");
  if (type == nullptr || *type == "message") {
    messages.emplace_back(JsonObject{{"role", item.require_string("role")},
                                     {"content", content_of(item, "content")}});
  } else if (*type == "function_call") {
    add_call(call_of(item), messages);
  } else if (*type == "function_call_output") {
    messages.emplace_back(JsonObject{{"role", "tool"},
                                     {"tool_call_id", item.require_string("call_id")},
                                     {"content", content_of(item, "output")}});
  } else if (*type != "reasoning") {
    item.refuse("type",
                "\"message\", \"function_call\", \"function_call_output\" or \"reasoning\"");
  }
}

Json read_input(const Fields& fields, const RequestLimits& limits) {
  JsonArray messages;
  if (const std::string* instructions = fields.string("instructions")) {
    messages.emplace_back(JsonObject{{"role", "system"}, {"content", *instructions}});
  }
  const Json& input = fields.require("input");
  if (input.is_string()) {
    messages.emplace_back(JsonObject{{"role", "user"}, {"content", input.string()}});
    return messages;
  }
  check_messages(fields, "input", limits);
  for (std::size_t i = 0; i < input.array().size(); ++i) {
    add_item(Fields(input.array()[i], fmt::format("input[{}]", i)), messages);
  }
  return messages;
}

// This protocol has the function's fields beside the type.
Json nested_tool(const Json& tool, const std::string& place) {
  const Fields fields(tool, place);
  if (fields.require_string("type") != "function") {
    fields.refuse("type", "\"function\"");
  }
  JsonObject function = tool.object();
  std::erase_if(function, [](const base::JsonMember& member) { return member.first == "type"; });
  Json nested = JsonObject{{"type", "function"}, {"function", std::move(function)}};
  check_tool(nested, place);
  return nested;
}

Tools read_flat_tools(const Fields& fields, const RequestLimits& limits) {
  JsonArray nested;
  if (const JsonArray* tools = fields.array("tools", limits.tools)) {
    for (std::size_t i = 0; i < tools->size(); ++i) {
      nested.push_back(nested_tool((*tools)[i], fmt::format("tools[{}]", i)));
    }
  }
  JsonObject all{{"tools", std::move(nested)}};
  for (const char* name : {"tool_choice", "parallel_tool_calls"}) {
    if (const Json* value = fields.find(name)) {
      all.emplace_back(name, *value);
    }
  }
  const Json json = std::move(all);
  return read_tools(Fields(json), limits);
}

void refuse_what_is_not_kept(const Fields& fields) {
  for (const char* name : {"previous_response_id", "conversation", "prompt"}) {
    if (fields.find(name) != nullptr) {
      fields.refuse(name, "nothing, as this server keeps no responses");
    }
  }
  if (fields.boolean("background", false)) {
    fields.refuse("background", "false");
  }
}

}  // namespace

ChatTask read_responses_request(const base::Json& body, const ServedModel& model,
                                const RequestLimits& limits) {
  const Fields fields(body);
  if (const std::string* name = fields.string("model")) {
    check_model_name(model, *name);
  }
  refuse_what_is_not_kept(fields);
  ChatTask task;
  task.messages = read_input(fields, limits);
  task.tools = read_flat_tools(fields, limits);
  read_common_fields(fields, task);
  task.sampling = read_sampling(
      fields, model, limits,
      {.max_tokens = "max_output_tokens", .alternative_max_tokens = nullptr, .answers = nullptr});
  if (const base::Json* text = fields.object("text")) {
    const Fields inside(*text, "text");
    if (const base::Json* format = inside.object("format")) {
      task.structure = model.structures->read_format(Fields(*format, "text.format"));
    }
  }
  return task;
}

}  // namespace minimax::server
