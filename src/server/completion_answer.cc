// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "server/completion_task.h"
#include "server/legacy_logprobs.h"
#include "server/sse.h"
#include "server/usage.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

class CompletionAnswer : public AnswerWriter {
 public:
  CompletionAnswer(AnswerIdentity identity, const CompletionTask& task, const Tokenizer& tokenizer);

  std::string push(std::size_t request, serving::Event event) override;

 private:
  // One of the best_of answers to one prompt.
  struct Answer {
    explicit Answer(LegacyLogprobs empty) : logprobs(std::move(empty)) {}

    bool has_begun = false;
    std::string text;  // not sent yet
    LegacyLogprobs logprobs;
    const char* finish_reason = nullptr;
    double logprob_sum = 0.0;
    std::int64_t tokens = 0;

    double mean_logprob() const {
      return tokens == 0 ? 0.0 : logprob_sum / static_cast<double>(tokens);
    }
  };

  void add(std::size_t request, const serving::Event& event, Answer& answer);
  void begin_answer(std::size_t request, const serving::Event& event, Answer& answer);
  JsonObject head() const;
  Json choice_json(std::int64_t index, Answer& answer) const;
  Json take_logprobs(Answer& answer) const;
  std::string chunk(std::int64_t index, Answer& answer) const;
  std::string last_chunks() const;
  JsonArray best_choices();
  std::string body();

  AnswerIdentity identity_;
  std::string head_text_;  // of chunks, up to the choices
  const Tokenizer* tokenizer_;
  CompletionTask task_;                             // without what the engine has taken
  std::vector<std::vector<std::int32_t>> prompts_;  // where they are echoed
  std::vector<std::vector<serving::TokenLogprobs>> prompt_logprobs_;
  std::vector<Answer> answers_;  // [prompts * best_of]
  std::size_t prompts_left_ = 0;
  serving::Usage usage_;
};

CompletionAnswer::CompletionAnswer(AnswerIdentity identity, const CompletionTask& task,
                                   const Tokenizer& tokenizer)
    : identity_(std::move(identity)),
      tokenizer_(&tokenizer),
      prompt_logprobs_(task.requests.size()),
      prompts_left_(task.requests.size()) {
  task_.answers = task.answers;
  task_.best_of = task.best_of;
  task_.logprobs = task.logprobs;
  task_.echo = task.echo;
  task_.streams = task.streams;
  task_.includes_usage = task.includes_usage;
  answers_.assign(task.requests.size() * static_cast<std::size_t>(task.best_of),
                  Answer(LegacyLogprobs(tokenizer, task.names_tokens_by_id)));
  head_text_ = open_object(head());
  for (const serving::Request& request : task.requests) {
    prompts_.push_back(task.echo ? request.prompt : std::vector<std::int32_t>());
  }
}

void CompletionAnswer::begin_answer(std::size_t request, const serving::Event& event,
                                    Answer& answer) {
  answer.has_begun = true;
  if (!task_.echo) {
    return;
  }
  const std::vector<std::int32_t>& prompt = prompts_[request];
  answer.text = tokenizer_->decode(prompt);
  if (!event.prompt_logprobs.empty()) {
    prompt_logprobs_[request] = event.prompt_logprobs;
  }
  if (task_.logprobs) {
    answer.logprobs.add_first(prompt.front());
    answer.logprobs.add(prompt_logprobs_[request]);
  }
}

void CompletionAnswer::add(std::size_t request, const serving::Event& event, Answer& answer) {
  if (!answer.has_begun) {
    begin_answer(request, event, answer);
  }
  answer.text += event.text;
  for (const serving::TokenLogprobs& each : event.logprobs) {
    answer.logprob_sum += double{each.logprob};
    ++answer.tokens;
  }
  if (task_.logprobs) {
    answer.logprobs.add(event.logprobs);
  }
  if (event.finish_reason) {
    answer.finish_reason = finish_reason_text(*event.finish_reason);
  }
}

std::string CompletionAnswer::push(std::size_t request, serving::Event event) {
  check_event(event);
  if (event.progress) {
    JsonObject object = head();
    object.emplace_back("choices", JsonArray());
    object.emplace_back("prompt_progress", progress_json(*event.progress));
    return sse_data(base::write_json(object));
  }
  const auto index = static_cast<std::int64_t>(request) * task_.best_of + event.index;
  Answer& answer = answers_[static_cast<std::size_t>(index)];
  add(request, event, answer);
  std::string out;
  if (task_.streams && (!answer.text.empty() || answer.finish_reason != nullptr)) {
    out = chunk(index, answer);
  }
  if (event.is_last) {
    add_usage(event.usage, usage_);
    --prompts_left_;
    if (prompts_left_ == 0) {
      out += task_.streams ? last_chunks() : body();
    }
  }
  return out;
}

JsonObject CompletionAnswer::head() const {
  return {{"id", "cmpl-" + identity_.id},
          {"object", "text_completion"},
          {"created", identity_.created},
          {"model", identity_.model},
          {"system_fingerprint", fingerprint()}};
}

Json CompletionAnswer::take_logprobs(Answer& answer) const {
  return task_.logprobs && !answer.logprobs.is_empty() ? answer.logprobs.take() : Json();
}

Json CompletionAnswer::choice_json(std::int64_t index, Answer& answer) const {
  return JsonObject{
      {"index", index},
      {"text", std::exchange(answer.text, {})},
      {"logprobs", take_logprobs(answer)},
      {"finish_reason", answer.finish_reason == nullptr ? Json() : Json(answer.finish_reason)}};
}

// Written as text: a chunk comes with every token of every answer.
std::string CompletionAnswer::chunk(std::int64_t index, Answer& answer) const {
  const Json logprobs = take_logprobs(answer);
  return fmt::format(
      "data: "
      "{},\"choices\":[{{\"index\":{},\"text\":{},\"logprobs\":{},\"finish_reason\":{}}}]{}}}\n\n",
      head_text_, index, base::quote_json(std::exchange(answer.text, {})),
      logprobs.is_null() ? "null" : base::write_json(logprobs),
      answer.finish_reason == nullptr ? "null" : base::quote_json(answer.finish_reason),
      task_.includes_usage ? ",\"usage\":null" : "");
}

std::string CompletionAnswer::last_chunks() const {
  std::string out;
  if (task_.includes_usage) {
    JsonObject object = head();
    object.emplace_back("choices", JsonArray());
    object.emplace_back("usage", usage_json(usage_, 0));
    out = sse_data(base::write_json(object));
  }
  return out += kSseDone;
}

// Of each prompt the answers that the model thinks the likeliest, the best one first.
JsonArray CompletionAnswer::best_choices() {
  JsonArray choices;
  const auto best_of = static_cast<std::size_t>(task_.best_of);
  for (std::size_t begin = 0; begin < answers_.size(); begin += best_of) {
    std::vector<std::size_t> order(best_of);
    std::iota(order.begin(), order.end(), begin);
    if (task_.best_of > task_.answers) {
      std::ranges::stable_sort(order, std::ranges::greater(),
                               [&](std::size_t i) { return answers_[i].mean_logprob(); });
    }
    order.resize(static_cast<std::size_t>(task_.answers));
    for (const std::size_t i : order) {
      choices.push_back(choice_json(static_cast<std::int64_t>(choices.size()), answers_[i]));
    }
  }
  return choices;
}

std::string CompletionAnswer::body() {
  JsonObject object = head();
  object.emplace_back("choices", best_choices());
  object.emplace_back("usage", usage_json(usage_, 0));
  return base::write_json(object);
}

}  // namespace

std::unique_ptr<AnswerWriter> make_completion_answer(AnswerIdentity identity,
                                                     const CompletionTask& task,
                                                     const Tokenizer& tokenizer) {
  return std::make_unique<CompletionAnswer>(std::move(identity), task, tokenizer);
}

}  // namespace minimax::server
