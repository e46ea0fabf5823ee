// SPDX-License-Identifier: Apache-2.0
#include "server/test_api.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace minimax::server {
namespace {

const std::filesystem::path kModel =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "models" / "tiny-minimax";

}  // namespace

serving::Event text_event(std::string text) {
  serving::Event event;
  event.text = std::move(text);
  event.tokens = {1};
  return event;
}

Backend FakeEngine::backend() {
  return {.submit = [this](const serving::Request& request,
                           const serving::Sink& sink) { return submit(request, sink); },
          .cancel =
              [this](serving::RequestId id) {
                const std::scoped_lock lock(mutex_);
                submitted_[id - 1].is_cancelled = true;
              },
          .status =
              [] {
                serving::ServiceStatus status;
                status.running = 1;
                status.slots = 2;
                return status;
              }};
}

serving::RequestId FakeEngine::submit(const serving::Request& request, const serving::Sink& sink) {
  serving::RequestId id = 0;
  std::optional<std::vector<std::string>> pieces;
  {
    const std::scoped_lock lock(mutex_);
    if (refusal_) {
      throw Error(*refusal_);
    }
    submitted_.push_back({request, sink});
    id = submitted_.size();
    pieces = pieces_;
  }
  if (!pieces) {
    return id;
  }
  const std::int64_t answers = request.config.num_return_sequences;
  for (std::int64_t index = 0; index < answers; ++index) {
    for (const std::string& piece : *pieces) {
      serving::Event event = text_event(piece);
      event.index = index;
      sink(std::move(event));
    }
    serving::Event last;
    last.index = index;
    last.finish_reason = reason_;
    last.is_last = index + 1 == answers;
    last.usage = {.prompt_tokens = 10,
                  .cached_tokens = 4,
                  .completion_tokens = static_cast<std::int64_t>(pieces->size())};
    sink(std::move(last));
  }
  return id;
}

std::size_t FakeEngine::count() const {
  const std::scoped_lock lock(mutex_);
  return submitted_.size();
}

FakeEngine::Submitted FakeEngine::at(std::size_t index) const {
  const std::scoped_lock lock(mutex_);
  return submitted_.at(index);
}

std::size_t FakeEngine::cancelled() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(submitted_, [](const Submitted& each) { return each.is_cancelled; }));
}

void FakeEngine::refuse_with(Error error) {
  const std::scoped_lock lock(mutex_);
  refusal_ = std::move(error);
}

void FakeEngine::answer_with(std::vector<std::string> pieces, FinishReason reason) {
  const std::scoped_lock lock(mutex_);
  pieces_ = std::move(pieces);
  reason_ = reason;
}

TestApi::TestApi(ApiOptions options, std::int64_t context_tokens)
    : tokenizer_(AutoTokenizer::from_pretrained(kModel)), api_(std::move(options)) {
  Ready ready;
  ready.model.names = {"tiny-minimax", "org/alias"};
  ready.model.created = 1700000000;
  ready.model.tokenizer = &tokenizer_;
  ready.model.config = MiniMaxConfig::from_pretrained(kModel);
  ready.model.defaults = GenerationConfig::from_pretrained(kModel, ready.model.config);
  ready.model.context_tokens = context_tokens;
  ready.backend = engine_.backend();
  api_.set_ready(std::move(ready));
}

Call TestApi::get(std::string target) {
  return {.method = "GET", .target = std::move(target), .headers = {{"host", "localhost:8000"}}};
}

Call TestApi::post(std::string target, std::string body) {
  return {.method = "POST",
          .target = std::move(target),
          .body = std::move(body),
          .headers = {{"host", "localhost:8000"}, {"content-type", "application/json"}},
          .id = "0123456789abcdef",
          .now = 1700000001};
}

Reply TestApi::reply(Call call) {
  Outcome outcome = api_.handle(call);
  if (std::holds_alternative<Job>(outcome)) {
    return {.status = 0, .body = "a job"};
  }
  return std::get<Reply>(std::move(outcome));
}

std::string TestApi::body(Call call) {
  Outcome outcome = api_.handle(call);
  if (std::holds_alternative<Reply>(outcome)) {
    return std::get<Reply>(std::move(outcome)).body;
  }
  std::deque<std::pair<std::size_t, serving::Event>> events;
  JobRun run(std::get<Job>(std::move(outcome)), api_.backend(), api_.metrics(),
             [&](std::size_t request, serving::Event event) {
               events.emplace_back(request, std::move(event));
             });
  run.start();
  std::string body = run.begin();
  while (!events.empty()) {
    auto [request, event] = std::move(events.front());
    events.pop_front();
    body += run.push(request, std::move(event));  // which may submit more
  }
  return body;
}

}  // namespace minimax::server
