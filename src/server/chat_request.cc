// SPDX-License-Identifier: Apache-2.0
#include "server/chat_request.h"

#include <fmt/format.h>

#include <string>

#include "server/api_error.h"
#include "server/sampling.h"

namespace minimax::server {
namespace {

void read_logprobs(const Fields& fields, const RequestLimits& limits, ChatTask& task) {
  const bool wanted = fields.boolean("logprobs", false);
  const auto top = fields.integer("top_logprobs", 0, limits.top_logprobs);
  if (top && *top > 0 && !wanted) {
    fields.refuse("top_logprobs", "\"logprobs\": true beside it");
  }
  if (wanted) {
    task.top_logprobs = top.value_or(0);
  }
}

void read_stream_options(const Fields& fields, ChatTask& task) {
  if (const base::Json* options = fields.object("stream_options")) {
    task.includes_usage = Fields(*options, "stream_options").boolean("include_usage", false);
  }
}

// Some templates know images, but this model is not given any.
void refuse_images(const base::Json& content, const std::string& place) {
  if (!content.is_array()) {
    return;
  }
  for (std::size_t i = 0; i < content.array().size(); ++i) {
    const base::Json* type = content.array()[i].find("type");
    if (type != nullptr && type->is_string() && type->string() != "text") {
      throw bad_field(fmt::format("{}[{}].type", place, i),
                      fmt::format("expected \"text\", found {}: images and files are not read, and "
                                  "no URL is fetched",
                                  describe_json(*type)));
    }
  }
}

void refuse_images(const base::Json& messages) {
  if (!messages.is_array()) {
    return;
  }
  for (std::size_t i = 0; i < messages.array().size(); ++i) {
    if (const base::Json* content = messages.array()[i].find("content")) {
      refuse_images(*content, fmt::format("messages[{}].content", i));
    }
  }
}

void refuse_what_is_not_there(const Fields& fields) {
  if (const base::Json* modalities = fields.find("modalities")) {
    const bool is_text = modalities->is_array() && modalities->array().size() == 1 &&
                         modalities->array().front().is_string() &&
                         modalities->array().front().string() == "text";
    if (!is_text) {
      fields.refuse("modalities", "[\"text\"]");
    }
  }
}

}  // namespace

ChatTask read_conversation(const base::Json& body, const ServedModel& model,
                           const RequestLimits& limits) {
  const Fields fields(body);
  if (const std::string* name = fields.string("model")) {
    check_model_name(model, *name);
  }
  check_messages(fields, "messages", limits);
  ChatTask task;
  task.messages = fields.require("messages");
  refuse_images(task.messages);
  task.tools = read_tools(fields, limits);
  read_common_fields(fields, task);
  return task;
}

ChatTask read_chat_request(const base::Json& body, const ServedModel& model,
                           const RequestLimits& limits) {
  ChatTask task = read_conversation(body, model, limits);
  const Fields fields(body);
  refuse_what_is_not_there(fields);
  task.sampling = read_sampling(fields, model, limits);
  task.structure = model.structures->read(fields);
  read_logprobs(fields, limits, task);
  read_stream_options(fields, task);
  task.returns_progress = fields.boolean("return_progress", false);
  if (const std::string* format = fields.string("reasoning_format")) {
    task.has_reasoning = *format != "none";
  }
  return task;
}

}  // namespace minimax::server
