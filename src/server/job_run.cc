// SPDX-License-Identifier: Apache-2.0
#include "server/job_run.h"

#include <utility>

namespace minimax::server {
namespace {

double seconds_between(JobRun::Clock::time_point begin, JobRun::Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

const char* reason_text(const serving::Event& event) {
  if (event.error) {
    return "error";
  }
  if (!event.finish_reason) {
    return "stop";
  }
  return *event.finish_reason == FinishReason::kCancelled
             ? "cancelled"
             : finish_reason_text(*event.finish_reason);
}

}  // namespace

JobRun::JobRun(Job job, const Backend& backend, Metrics& metrics, EventHandler on_event)
    : job_(std::move(job)),
      backend_(&backend),
      metrics_(&metrics),
      on_event_(std::move(on_event)),
      total_(job_.requests.size()) {}

JobRun::~JobRun() { cancel(); }

void JobRun::submit_next() {
  const std::size_t index = submitted_;
  const serving::RequestId id = backend_->submit(
      std::move(job_.requests[index]),
      [handler = on_event_, index](serving::Event event) { handler(index, std::move(event)); });
  running_.emplace(index, id);
  ++submitted_;
}

void JobRun::start() {
  while (submitted_ < total_ && submitted_ < kWindow) {
    submit_next();
  }
}

std::string JobRun::push(std::size_t request, serving::Event event) {
  count(request, event);
  if (event.is_last || event.error) {
    running_.erase(request);
    ++ended_;
    if (submitted_ < total_ && !event.error) {
      submit_next();
    }
  }
  return job_.writer->push(request, std::move(event));
}

void JobRun::cancel() {
  for (const auto& [index, id] : std::exchange(running_, {})) {
    backend_->cancel(id);
  }
}

void JobRun::count(std::size_t request, const serving::Event& event) {
  const Clock::time_point now = Clock::now();
  if (!event.tokens.empty()) {
    if (!has_tokens_) {
      metrics_->add_first_token(seconds_between(start_, now));
      has_tokens_ = true;
    }
    const auto [it, is_first] = last_token_.try_emplace({request, event.index}, now);
    if (!is_first) {
      metrics_->add_tokens(seconds_between(std::exchange(it->second, now), now),
                           static_cast<std::int64_t>(event.tokens.size()));
    }
  }
  if (event.is_last || event.error) {
    metrics_->add_finished(reason_text(event), seconds_between(start_, now), event.usage);
  }
}

}  // namespace minimax::server
