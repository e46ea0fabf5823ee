// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <utility>

#include "server/chat_answer.h"
#include "server/chat_request.h"
#include "server/completion_task.h"
#include "server/embedding_task.h"
#include "server/handlers.h"
#include "server/messages_answer.h"
#include "server/messages_request.h"
#include "server/responses_answer.h"
#include "server/responses_request.h"

namespace minimax::server {

void isolate(const Call& call, Job& job) {
  for (serving::Request& request : job.requests) {
    request.cache_salt = fmt::format("{}:{}", call.key, request.cache_salt);
  }
}

AnswerIdentity identity_of(const RouteContext& context, const Call& call) {
  return {.id = call.id, .created = call.now, .model = context.ready.model.name()};
}

Outcome handle_chat(const RouteContext& context, const Call& call) {
  const ServedModel& model = context.ready.model;
  const ChatTask task = read_chat_request(parse_body(call.body), model, context.limits);
  ChatPrompt prompt = prepare_chat(task, model, context.limits);
  Job job;
  job.writer = make_chat_answer(identity_of(context, call), task, prompt, *model.tokenizer);
  job.streams = task.streams;
  job.requests.push_back(std::move(prompt.request));
  isolate(call, job);
  return job;
}

Outcome handle_completion(const RouteContext& context, const Call& call) {
  const ServedModel& model = context.ready.model;
  CompletionTask task = read_completion_request(parse_body(call.body), model, context.limits);
  Job job;
  job.writer = make_completion_answer(identity_of(context, call), task, *model.tokenizer);
  job.streams = task.streams;
  job.requests = std::move(task.requests);
  isolate(call, job);
  return job;
}

Outcome handle_embedding(const RouteContext& context, const Call& call) {
  Job job = make_embedding_job(parse_body(call.body), context.ready.model, context.limits);
  isolate(call, job);
  return job;
}

Outcome handle_responses(const RouteContext& context, const Call& call) {
  const ServedModel& model = context.ready.model;
  const base::Json body = parse_body(call.body);
  const ChatTask task = read_responses_request(body, model, context.limits);
  ChatPrompt prompt = prepare_chat(task, model, context.limits);
  Job job;
  job.writer = make_responses_answer(identity_of(context, call), task, prompt, body);
  job.streams = task.streams;
  job.requests.push_back(std::move(prompt.request));
  isolate(call, job);
  return job;
}

Outcome handle_messages(const RouteContext& context, const Call& call) {
  const ServedModel& model = context.ready.model;
  const ChatTask task = read_messages_request(parse_body(call.body), model, context.limits);
  ChatPrompt prompt = prepare_chat(task, model, context.limits);
  Job job;
  job.writer = make_messages_answer(identity_of(context, call), task, prompt);
  job.streams = task.streams;
  job.requests.push_back(std::move(prompt.request));
  isolate(call, job);
  return job;
}

Outcome handle_count_tokens(const RouteContext& context, const Call& call) {
  const ServedModel& model = context.ready.model;
  const ChatTask task = read_messages_to_count(parse_body(call.body), model, context.limits);
  const auto count = static_cast<std::int64_t>(encode_chat(task, model).size());
  return json_reply(base::JsonObject{{"input_tokens", count}});
}

}  // namespace minimax::server
