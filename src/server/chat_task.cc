// SPDX-License-Identifier: Apache-2.0
#include "server/chat_task.h"

#include <fmt/format.h>

#include <limits>
#include <utility>
#include <vector>

#include "engine/tokenizer.h"
#include "server/api_error.h"
#include "server/sampling.h"
#include "text/chat_template.h"

namespace minimax::server {
namespace {

std::int64_t text_bytes(const base::Json& value) {
  if (value.is_string()) {
    return static_cast<std::int64_t>(value.string().size());
  }
  std::int64_t bytes = 0;
  if (value.is_array()) {
    for (const base::Json& each : value.array()) {
      bytes += text_bytes(each);
    }
  } else if (value.is_object()) {
    for (const base::JsonMember& member : value.object()) {
      bytes += text_bytes(member.second);
    }
  }
  return bytes;
}

std::vector<text::TextSegment> render(const ChatTask& task, const ServedModel& model) {
  const base::Json tools = task.tools.definitions;
  text::RenderOptions options;
  options.tools = task.tools.has_tools() ? &tools : nullptr;
  options.add_generation_prompt = task.add_generation_prompt;
  options.extra = task.template_variables;
  return model.tokenizer->impl().chat_template.render(task.messages, options);
}

}  // namespace

std::string render_text(const ChatTask& task, const ServedModel& model) {
  return text::join_segments(render(task, model));
}

std::vector<std::int32_t> encode_chat(const ChatTask& task, const ServedModel& model) {
  return model.tokenizer->impl().tokenizer.encode(render(task, model),
                                                  {.add_special_tokens = false});
}

ChatPrompt prepare_chat(const ChatTask& task, const ServedModel& model,
                        const RequestLimits& limits) {
  ChatPrompt prompt;
  Structure structure = task.structure;
  if (must_call(task.tools)) {
    prompt.beginning = kCallBeginning;
    structure = model.structures->call(task.tools);
  }
  prompt.format = {.has_reasoning = task.has_reasoning, .has_tool_calls = task.tools.has_tools()};
  prompt.format.streams_arguments = true;
  if (!task.tools.allows_parallel_calls) {
    prompt.format.max_tool_calls = 1;
  }
  serving::Request& request = prompt.request;
  request.prompt = encode_chat(task, model);
  for (const std::int32_t id : model.tokenizer->encode(prompt.beginning, SpecialTokens::kAsText)) {
    request.prompt.push_back(id);
  }
  request.config = task.sampling;
  request.top_logprobs = task.top_logprobs;
  request.cache_salt = task.cache_salt;
  request.priority = task.priority;
  request.wants_progress = task.streams && task.returns_progress;
  const auto prompt_tokens = static_cast<std::int64_t>(request.prompt.size());
  request.logits_processors = structure_processors(structure, prompt_tokens);
  fit_into_context(request.config, prompt_tokens, "messages", model, limits);
  return prompt;
}

void read_common_fields(const Fields& fields, ChatTask& task) {
  task.streams = fields.boolean("stream", false);
  if (const base::Json* variables = fields.object("chat_template_kwargs")) {
    task.template_variables = variables->object();
  }
  task.add_generation_prompt = fields.boolean("add_generation_prompt", true);
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  task.priority =
      static_cast<std::int32_t>(fields.integer("priority", -kLargest, kLargest).value_or(0));
  if (const std::string* salt = fields.string("cache_salt")) {
    task.cache_salt = *salt;
  }
}

void check_messages(const Fields& fields, const char* name, const RequestLimits& limits) {
  const base::Json& messages = fields.require(name);
  if (messages.is_array() && messages.array().empty()) {
    fields.refuse(name, "at least one message");
  }
  fields.array(name, limits.messages);
  if (text_bytes(messages) > limits.prompt_bytes) {
    throw bad_field(fields.path(name), fmt::format("expected at most {} bytes of text, found {}",
                                                   limits.prompt_bytes, text_bytes(messages)));
  }
}

}  // namespace minimax::server
