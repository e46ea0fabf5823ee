// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "server/api_error.h"
#include "server/completion_task.h"
#include "server/sampling.h"
#include "server/structured_output.h"
#include "server/text_fields.h"

namespace minimax::server {
namespace {

constexpr std::int64_t kDefaultTokens = 16;  // as OpenAI has it

// A number; older clients send true and false, too.
std::optional<std::int64_t> read_logprobs(const Fields& fields, const RequestLimits& limits) {
  const base::Json* value = fields.find("logprobs");
  if (value != nullptr && value->is_bool() && !value->boolean()) {
    return std::nullopt;
  }
  return fields.integer("logprobs", 0, limits.top_logprobs);
}

void read_answers(const Fields& fields, const RequestLimits& limits, CompletionTask& task,
                  GenerationConfig& config) {
  task.answers = config.num_return_sequences;
  task.best_of = fields.integer("best_of", 1, limits.answers).value_or(task.answers);
  if (task.best_of < task.answers) {
    fields.refuse("best_of", fmt::format("at least n = {}", task.answers));
  }
  if (task.streams && task.best_of > task.answers) {
    fields.refuse("best_of", "n in a stream, which cannot know the best answers before their end");
  }
  config.num_return_sequences = task.best_of;
}

}  // namespace

CompletionTask read_completion_request(const base::Json& body, const ServedModel& model,
                                       const RequestLimits& limits) {
  const Fields fields(body);
  if (const std::string* name = fields.string("model")) {
    check_model_name(model, *name);
  }
  if (const std::string* suffix = fields.string("suffix"); suffix != nullptr && !suffix->empty()) {
    fields.refuse("suffix", "nothing, as this model cannot fill in");
  }
  CompletionTask task;
  task.echo = fields.boolean("echo", false);
  task.streams = fields.boolean("stream", false);
  task.returns_progress = fields.boolean("return_progress", false);
  task.names_tokens_by_id = fields.boolean("return_tokens_as_token_ids", false);
  task.logprobs = read_logprobs(fields, limits);
  if (const base::Json* options = fields.object("stream_options")) {
    task.includes_usage = Fields(*options, "stream_options").boolean("include_usage", false);
  }
  GenerationConfig config =
      read_sampling(fields, model, limits, {.min_max_tokens = task.echo ? 0 : 1});
  config.max_new_tokens = config.max_new_tokens.value_or(kDefaultTokens);
  read_answers(fields, limits, task, config);

  serving::Request request;
  request.top_logprobs = task.logprobs;
  request.wants_progress = task.streams && task.returns_progress;
  if (task.best_of > task.answers && !request.top_logprobs) {
    request.top_logprobs = 0;
  }
  if (task.echo) {
    request.prompt_logprobs = task.logprobs;
  }
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  request.priority =
      static_cast<std::int32_t>(fields.integer("priority", -kLargest, kLargest).value_or(0));
  if (const std::string* salt = fields.string("cache_salt")) {
    request.cache_salt = *salt;
  }
  const Structure structure = model.structures->read(fields);
  for (std::vector<std::int32_t>& prompt : read_prompts(fields, "prompt", model, limits)) {
    const auto prompt_tokens = static_cast<std::int64_t>(prompt.size());
    request.config = config;
    request.logits_processors = structure_processors(structure, prompt_tokens);
    fit_into_context(request.config, prompt_tokens, "prompt", model, limits);
    request.prompt = std::move(prompt);
    task.requests.push_back(request);
  }
  return task;
}

}  // namespace minimax::server
