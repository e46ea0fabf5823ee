// SPDX-License-Identifier: Apache-2.0
#include "serving/job.h"

#include <algorithm>
#include <utility>

#include "serving/parallel_tasks.h"

namespace minimax::serving {
namespace {

// A shorter conversation is read again in less time than a snapshot of it takes memory.
constexpr std::int64_t kLeastTokens = 16;

double seconds_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

Job::Job(const JobContext& context, RequestId id, Request request, Sink sink)
    : context_(context),
      id_(id),
      request_(std::move(request)),
      sink_(std::move(sink)),
      prompt_(context, request_) {}

Job::~Job() { release_held(); }

std::int64_t Job::slots() const {
  if (request_.task == Task::kEmbed) {
    return 1;
  }
  if (answers_.empty()) {
    return request_.config.num_return_sequences;
  }
  return std::ranges::count_if(answers_, [](const Answer& answer) { return !answer.finished(); });
}

std::int64_t Job::kv_bytes(const Budget& budget) const {
  const std::int64_t prompt = prompt_.prompt_tokens();
  if (request_.task == Task::kEmbed) {
    return budget.kv_of(prompt);
  }
  std::int64_t sum = budget.kv_of_shared_prompt(prompt);
  if (answers_.empty()) {
    return sum + slots() * budget.kv_of_answer(prompt, prompt + 1);
  }
  const std::int64_t drafted =
      context_.options.draft_model != nullptr ? context_.options.draft_tokens : 0;
  const std::int64_t ahead = std::max(drafted, context_.options.prompt_lookup_tokens);
  for (const Answer& answer : answers_) {
    if (!answer.finished()) {
      sum += budget.kv_of_answer(prompt, std::ssize(answer.ids()) + ahead);
    }
  }
  return sum;
}

void Job::let_in() {
  is_let_in_ = true;
  let_in_at_ = Clock::now();
  context_.counters.prompt_tokens += prompt_.prompt_tokens();
  if (request_.task == Task::kGenerate) {
    for (std::int64_t index = 0; index < request_.config.num_return_sequences; ++index) {
      answers_.emplace_back(context_, request_, index, submitted_);
    }
  }
}

void Job::start() {
  try {
    if (!is_let_in_) {
      let_in();
    }
  } catch (...) {
    fail(std::current_exception());
  }
  was_displaced_ = false;
  release_held();
}

// As late as possible: what is being read now may be what this prompt begins with.
void Job::begin_prompt() {
  if (prompt_.state()) {
    return;
  }
  prompt_.begin();
  if (!std::exchange(knows_cached_tokens_, true)) {
    cached_tokens_ = prompt_.tokens_read();
    context_.counters.cached_tokens += cached_tokens_;
  }
}

std::vector<model::SequenceState*> Job::states() {
  std::vector<model::SequenceState*> states;
  if (prompt_.state()) {
    states.push_back(&*prompt_.state());
  }
  for (Answer& answer : answers_) {
    if (answer.state()) {
      states.push_back(&*answer.state());
    }
  }
  return states;
}

void Job::displace() {
  was_displaced_ = true;
  const std::vector<model::SequenceState*> all = states();
  std::size_t held = 0;
  while (held < all.size() && context_.cache.hold(*all[held])) {
    ++held;
  }
  is_held_ = held == all.size();
  if (is_held_) {
    return;
  }
  while (held > 0) {
    context_.cache.release(*all[--held]);
  }
  drop_states();
  reads_answers_ = false;
}

void Job::release_held() {
  if (std::exchange(is_held_, false)) {
    for (const model::SequenceState* state : states()) {
      context_.cache.release(*state);
    }
  }
}

void Job::drop_states() {
  release_held();
  if (prompt_.state()) {
    prompt_.take_state();
  }
  for (Answer& answer : answers_) {
    if (answer.state()) {
      answer.take_state();
    }
  }
}

std::vector<Answer*> Job::live_answers() {
  std::vector<Answer*> live;
  for (Answer& answer : answers_) {
    if (!answer.finished()) {
      live.push_back(&answer);
    }
  }
  return live;
}

std::vector<Choosing> Job::begin_answers() {
  reads_answers_ = true;
  const model::SequenceState state = prompt_.take_state();
  std::vector<Choosing> choosing;
  const std::vector<Answer*> live = live_answers();
  first_logits_.assign(live.size(), {});
  for (std::size_t i = 0; i < live.size(); ++i) {
    Answer& answer = *live[i];
    answer.begin(state);
    if (answer.generated() > 0) {
      continue;  // its tokens so far are read again
    }
    if (answer.max_new_tokens() == 0) {
      answer.finish(FinishReason::kLength);
      continue;
    }
    first_logits_[i] = prompt_.logits();
    choosing.push_back({.answer = &answer, .logits = first_logits_[i]});
  }
  return choosing;
}

void Job::drop_logits() {
  first_logits_ = {};
  prompt_.logits() = {};
}

void Job::cancel() {
  is_cancelled_ = true;
  for (Answer* answer : live_answers()) {
    answer->finish(FinishReason::kCancelled);
  }
}

void Job::fail(const std::exception_ptr& thrown) {
  if (!failure_) {
    failure_ = thrown;
  }
}

bool Job::has_ended() const {
  if (request_.task == Task::kEmbed || answers_.empty()) {
    return is_cancelled_ || reads_answers_;
  }
  return std::ranges::all_of(answers_, [](const Answer& answer) { return answer.finished(); });
}

Usage Job::usage() const {
  const Clock::time_point now = Clock::now();
  Usage usage{.prompt_tokens = prompt_.prompt_tokens(), .cached_tokens = cached_tokens_};
  for (const Answer& answer : answers_) {
    usage.completion_tokens += answer.generated();
  }
  const Clock::time_point begin = is_let_in_ ? let_in_at_ : now;
  const Clock::time_point first = first_token_.value_or(now);
  usage.queue_seconds = seconds_between(submitted_, begin);
  usage.prefill_seconds = seconds_between(begin, first);
  usage.decode_seconds = seconds_between(first, now);
  return usage;
}

std::vector<Event> Job::events() {
  std::vector<Event> events;
  for (Answer& answer : answers_) {
    if (std::optional<Event> event = answer.take_event()) {
      events.push_back(std::move(*event));
    }
  }
  if (answers_.empty() && has_ended()) {
    Event& event = events.emplace_back();
    if (is_cancelled_) {
      event.finish_reason = FinishReason::kCancelled;
    } else {
      event.embedding = prompt_.embedding();
    }
  }
  for (Event& event : events) {
    context_.counters.generated_tokens += std::ssize(event.tokens);
    if (!event.tokens.empty() && !first_token_) {
      first_token_ = Clock::now();
    }
  }
  if (!events.empty()) {
    if (!std::exchange(has_told_, true)) {  // a prompt that was read again has them once more
      events.front().prompt_logprobs = std::exchange(prompt_.logprobs(), {});
    }
    events.back().is_last = has_ended();
  }
  return events;
}

// The states of answers that have ended become prefixes of what may follow in the conversation.
void Job::retire_answers() {
  for (Answer& answer : answers_) {
    if (!answer.finished() || !answer.state()) {
      continue;
    }
    context_.counters.drafted_tokens += answer.drafted();
    context_.counters.accepted_tokens += answer.accepted();
    release_held();
    const model::SequenceState state = answer.take_state();
    // What was read token by token has other bits than what is read in chunks.
    if (state.length() >= kLeastTokens && !context_.options.batch_invariant) {
      context_.cache.insert(request_.cache_salt,
                            answer.ids().first(static_cast<std::size_t>(state.length())), state);
    }
  }
}

void Job::tell_progress() {
  const std::int64_t read = reads_answers_ ? prompt_.prompt_tokens() : prompt_.tokens_read();
  if (!request_.wants_progress || is_cancelled_ || read <= progress_told_) {
    return;
  }
  progress_told_ = read;
  sink_({.progress = PromptProgress{.total = prompt_.prompt_tokens(),
                                    .cached = cached_tokens_,
                                    .processed = read,
                                    .seconds = seconds_between(let_in_at_, Clock::now())}});
}

void Job::tell() {
  tell_progress();
  for (Event& event : events()) {
    if (event.is_last) {
      event.usage = usage();
    }
    sink_(std::move(event));
  }
}

std::optional<Outcome> Job::report() {
  if (!failure_) {
    try {
      tell();
      retire_answers();
    } catch (...) {
      fail(std::current_exception());
    }
  }
  if (failure_) {
    report_failure();
    return Outcome::kFailed;
  }
  if (!has_ended()) {
    return std::nullopt;
  }
  return is_cancelled_ ? Outcome::kCancelled : Outcome::kFinished;
}

void Job::report_failure() {
  try {
    sink_({.error = error_of(failure_), .is_last = true, .usage = usage()});
  } catch (...) {
    sink_ = nullptr;  // it is what failed: nobody is left to tell
  }
}

RunningRequest Job::describe() const {
  const Usage now = usage();
  return {.id = id_,
          .phase = phase(),
          .answers = slots(),
          .prompt_tokens = now.prompt_tokens,
          .prompt_tokens_read = reads_answers_ ? now.prompt_tokens : prompt_.tokens_read(),
          .cached_tokens = now.cached_tokens,
          .generated_tokens = now.completion_tokens,
          .seconds = seconds_between(submitted_, Clock::now())};
}

}  // namespace minimax::serving
