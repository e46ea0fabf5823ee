// SPDX-License-Identifier: Apache-2.0
#include "server/messages_request.h"

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

// A text, or the texts of an array of text blocks, joined by line ends.
std::string text_of(const Fields& fields, const char* name) {
  const Json& value = fields.require(name);
  if (value.is_string()) {
    return value.string();
  }
  if (!value.is_array()) {
    fields.refuse(name, "a string or an array of text blocks");
  }
  std::string text;
  for (std::size_t i = 0; i < value.array().size(); ++i) {
    const Fields block(value.array()[i], fmt::format("{}[{}]", fields.path(name), i));
    if (block.require_string("type") != "text") {
      block.refuse("type", "\"text\"");
    }
    text += text.empty() ? "" : "\n";
    text += block.require_string("text");
  }
  return text;
}

// The messages that one message of this protocol becomes: results of tools are messages of their
// own, and calls stand beside the text.
class MessageReader {
 public:
  MessageReader(const Json& message, const std::string& place) : fields_(message, place) {}

  void read(JsonArray& out) {
    role_ = fields_.require_string("role");
    if (role_ != "user" && role_ != "assistant") {
      fields_.refuse("role", "\"user\" or \"assistant\"");
    }
    const Json& content = fields_.require("content");
    if (content.is_string()) {
      parts_.emplace_back(JsonObject{{"type", "text"}, {"text", content.string()}});
    } else if (content.is_array()) {
      for (std::size_t i = 0; i < content.array().size(); ++i) {
        read_block(Fields(content.array()[i], fmt::format("{}[{}]", fields_.path("content"), i)),
                   out);
      }
    } else {
      fields_.refuse("content", "a string or an array of blocks");
    }
    finish(out);
  }

 private:
  void read_block(const Fields& block, JsonArray& out) {
    const std::string& type = block.require_string("type");
    if (type == "text") {
      parts_.emplace_back(JsonObject{{"type", "text"}, {"text", block.require_string("text")}});
    } else if (type == "tool_use" && role_ == "assistant") {
      read_call(block);
    } else if (type == "tool_result" && role_ == "user") {
      out.emplace_back(
          JsonObject{{"role", "tool"},
                     {"tool_call_id", block.require_string("tool_use_id")},
                     {"content", block.find("content") == nullptr ? std::string()
                                                                  : text_of(block, "content")}});
    } else if (type != "thinking" && type != "redacted_thinking") {
      block.refuse("type", role_ == "user" ? "\"text\" or \"tool_result\""
                                           : "\"text\", \"tool_use\" or \"thinking\"");
    }
  }

  void read_call(const Fields& block) {
    const Json* input = block.object("input");
    calls_.emplace_back(JsonObject{
        {"id", block.require_string("id")},
        {"type", "function"},
        {"function",
         JsonObject{{"name", block.require_string("name")},
                    {"arguments", input == nullptr ? "{}" : base::write_json(*input)}}}});
  }

  void finish(JsonArray& out) {
    if (parts_.empty() && calls_.empty()) {
      return;  // only results of tools, or thoughts
    }
    JsonObject message{{"role", role_},
                       {"content", parts_.empty() ? Json("") : Json(std::move(parts_))}};
    if (!calls_.empty()) {
      message.emplace_back("tool_calls", std::move(calls_));
    }
    out.emplace_back(std::move(message));
  }

  Fields fields_;
  std::string role_;
  JsonArray parts_;
  JsonArray calls_;
};

Json read_conversation_of(const Fields& fields, const RequestLimits& limits) {
  check_messages(fields, "messages", limits);
  JsonArray messages;
  if (fields.find("system") != nullptr) {
    messages.emplace_back(JsonObject{{"role", "system"}, {"content", text_of(fields, "system")}});
  }
  const JsonArray& array = *fields.array("messages", limits.messages);
  for (std::size_t i = 0; i < array.size(); ++i) {
    MessageReader(array[i], fmt::format("messages[{}]", i)).read(messages);
  }
  return messages;
}

Tools read_tools_of(const Fields& fields, const RequestLimits& limits) {
  Tools tools;
  if (const JsonArray* array = fields.array("tools", limits.tools)) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      const std::string place = fmt::format("tools[{}]", i);
      const Fields source((*array)[i], place);
      JsonObject function{{"name", source.require_string("name")}};
      if (const std::string* description = source.string("description")) {
        function.emplace_back("description", *description);
      }
      if (const Json* schema = source.object("input_schema")) {
        function.emplace_back("parameters", *schema);
      }
      tools.definitions.emplace_back(
          JsonObject{{"type", "function"}, {"function", std::move(function)}});
      check_tool(tools.definitions.back(), place);
    }
  }
  if (const Json* choice = fields.object("tool_choice")) {
    const Fields chosen(*choice, "tool_choice");
    const std::string& type = chosen.require_string("type");
    tools.allows_parallel_calls = !chosen.boolean("disable_parallel_tool_use", false);
    if (type == "tool") {
      tools.choice = {.kind = ToolChoice::Kind::kNamed, .name = chosen.require_string("name")};
    } else if (type == "any") {
      tools.choice.kind = ToolChoice::Kind::kRequired;
    } else if (type == "none") {
      tools.choice.kind = ToolChoice::Kind::kNone;
    } else if (type != "auto") {
      chosen.refuse("type", "\"auto\", \"any\", \"tool\" or \"none\"");
    }
  }
  check_choice(tools);
  if (tools.choice.kind == ToolChoice::Kind::kNone) {
    tools.definitions.clear();
  }
  return tools;
}

}  // namespace

ChatTask read_messages_to_count(const base::Json& body, const ServedModel& model,
                                const RequestLimits& limits) {
  const Fields fields(body);
  if (const std::string* name = fields.string("model")) {
    check_model_name(model, *name);
  }
  ChatTask task;
  task.messages = read_conversation_of(fields, limits);
  task.tools = read_tools_of(fields, limits);
  return task;
}

ChatTask read_messages_request(const base::Json& body, const ServedModel& model,
                               const RequestLimits& limits) {
  ChatTask task = read_messages_to_count(body, model, limits);
  const Fields fields(body);
  fields.require("max_tokens");
  read_common_fields(fields, task);
  task.sampling = read_sampling(
      fields, model, limits,
      {.alternative_max_tokens = nullptr, .stop = "stop_sequences", .answers = nullptr});
  return task;
}

}  // namespace minimax::server
