// SPDX-License-Identifier: Apache-2.0
#include "serving/scheduler.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "serving/parallel_tasks.h"
#include "serving/queue_order.h"

namespace minimax::serving {
namespace {

// The logits of so many tokens are in memory at once, and those of one more piece.
constexpr std::int64_t kMostOutputs = 128;
constexpr std::int32_t kWorstPriority = std::numeric_limits<std::int32_t>::max();

std::int64_t step_tokens(const JobContext& context) {
  const std::int64_t most = context.impl.runner.max_tokens();
  const std::int64_t wanted = context.options.max_step_tokens;
  return wanted > 0 ? std::min(wanted, most) : most;
}

// What is later in this order makes room for what is earlier.
auto right_of(const Job& job) {
  return std::tuple(job.request().priority, job.submitted(), job.id());
}

}  // namespace

Scheduler::Scheduler(const JobContext& context, const Budget& budget)
    : context_(context),
      budget_(budget),
      max_step_tokens_(step_tokens(context)),
      step_(context),
      pace_(context.options.prefill_share) {}

bool Scheduler::cancel(RequestId id) {
  for (Jobs* jobs : {&running_, &waiting_}) {
    const auto found = std::ranges::find(*jobs, id, [](const auto& job) { return job->id(); });
    if (found != jobs->end()) {
      (*found)->cancel();
      return true;
    }
  }
  return false;
}

void Scheduler::fail_running(const std::exception_ptr& thrown) {
  for (const auto& job : running_) {
    job->fail(thrown);
  }
}

void Scheduler::cancel_all() {
  for (const Jobs* jobs : {&running_, &waiting_}) {
    for (const auto& job : *jobs) {
      job->cancel();
    }
  }
}

std::int64_t Scheduler::slots_in_use() const {
  std::int64_t sum = 0;
  for (const auto& job : running_) {
    sum += job->slots();
  }
  return sum;
}

std::int64_t Scheduler::kv_in_use() const {
  std::int64_t sum = 0;
  for (const auto& job : running_) {
    sum += job->kv_bytes(budget_);
  }
  return sum;
}

// Beside those that run and have no worse priority than this. Everybody keeps room for one more
// page, so that the next tokens do not displace again what was just let in.
bool Scheduler::fits_beside(const Job& job, std::int32_t worst_priority) const {
  std::int64_t slots = job.slots();
  std::int64_t kv = job.kv_bytes(budget_);
  bool is_alone = true;
  for (const auto& other : running_) {
    if (other->request().priority <= worst_priority) {
      slots += other->slots();
      kv += other->kv_bytes(budget_);
      is_alone = false;
    }
  }
  return is_alone ||
         (slots <= budget_.slots() && kv + slots * budget_.page_bytes() <= budget_.kv_bytes());
}

std::size_t Scheduler::next_waiting() const {
  std::map<std::string, std::int64_t> sequences;
  for (const auto& job : running_) {
    sequences[job->request().cache_salt] += job->slots();
  }
  std::vector<QueuePlace> places;
  places.reserve(waiting_.size());
  for (const auto& job : waiting_) {
    const auto found = sequences.find(job->request().cache_salt);
    places.push_back({.priority = job->request().priority,
                      .since = job->submitted(),
                      .running_beside = found != sequences.end() ? found->second : 0});
  }
  return first_in_line(places, Clock::now(), context_.options.most_patience_seconds);
}

Scheduler::Jobs::iterator Scheduler::last_in_right() {
  return std::ranges::max_element(running_, {}, [](const auto& job) { return right_of(*job); });
}

void Scheduler::displace(Jobs::iterator job) {
  (*job)->displace();
  ++context_.counters.preemptions;
  waiting_.push_back(std::move(*job));
  running_.erase(job);
}

// Requests of a worse priority make room, if that is enough.
bool Scheduler::make_room_for(const Job& job) {
  if (!fits_beside(job, job.request().priority)) {
    return false;
  }
  while (!fits_beside(job, kWorstPriority)) {
    displace(last_in_right());
  }
  return true;
}

void Scheduler::admit() {
  while (!waiting_.empty()) {
    const std::size_t next = next_waiting();
    // Nobody overtakes: a request that needs much room would wait for ever.
    if (!make_room_for(*waiting_[next])) {
      return;
    }
    running_.push_back(std::move(waiting_[next]));
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(next));
    running_.back()->start();
  }
}

// Answers grow. The last request always has room: it would not have been accepted otherwise.
void Scheduler::keep_within_budget() {
  while (running_.size() > 1 && kv_in_use() > budget_.kv_bytes()) {
    displace(last_in_right());
  }
}

// By priority; among equals the one that was let in first and the one that has the least to read go
// first in turn, so that short prompts pass long ones and these do not starve.
std::vector<Job*> Scheduler::prompts_in_order() {
  std::vector<Job*> jobs;
  for (const auto& job : running_) {
    if (job->phase() == Phase::kPrefill && !job->prompt().is_done() && !job->has_failed()) {
      jobs.push_back(job.get());
    }
  }
  const bool by_length = std::exchange(shortest_first_, !shortest_first_);
  std::ranges::sort(jobs, {}, [&](Job* job) {
    const std::int64_t left = job->prompt().prompt_tokens() - job->prompt().tokens_read();
    return std::tuple(job->request().priority, by_length ? left : 0, job->let_in_at());
  });
  return jobs;
}

// What is read in this step may be what this prompt begins with.
bool Scheduler::should_wait(Job& job, std::span<const Work> works) {
  return std::ranges::any_of(works, [&](const Work& work) {
    return work.answer == nullptr &&
           job.prompt().should_wait_for(work.job->prompt(), work.job->prompt().tokens_read() +
                                                                std::ssize(work.piece.tokens));
  });
}

void Scheduler::plan_prompts(std::span<Job* const> prompts, std::int64_t room,
                             std::vector<Work>& works) {
  std::int64_t outputs = 0;
  for (Job* job : prompts) {
    if (room <= 0 || outputs >= kMostOutputs) {
      return;
    }
    if (should_wait(*job, works)) {
      continue;
    }
    try {
      job->begin_prompt();
      if (job->prompt().is_done()) {
        continue;  // all of it was remembered
      }
      Work work{.job = job, .answer = nullptr, .piece = job->prompt().next_piece(room)};
      room -= std::ssize(work.piece.tokens);
      outputs += work.piece.outputs;
      works.push_back(std::move(work));
    } catch (...) {
      job->fail(std::current_exception());
    }
  }
}

void Scheduler::plan_answers(Job& job, std::vector<Work>& works) const {
  const std::size_t planned = works.size();
  try {
    for (Answer* answer : job.live_answers()) {
      works.push_back(
          {.job = &job, .answer = answer, .piece = answer->next_piece(max_step_tokens_)});
    }
  } catch (...) {  // of a draft model
    works.resize(planned);
    job.fail(std::current_exception());
  }
}

std::vector<Work> Scheduler::plan() {
  std::vector<Work> works;
  for (const auto& job : running_) {
    if (job->phase() == Phase::kDecode && !job->has_failed()) {
      plan_answers(*job, works);
    }
  }
  std::int64_t rows = 0;
  for (const Work& work : works) {
    rows += std::ssize(work.piece.tokens);
  }
  const std::vector<Job*> prompts = prompts_in_order();
  plan_prompts(prompts,
               rows == 0 ? max_step_tokens_ : pace_.prompt_tokens(rows, std::ssize(prompts)),
               works);
  return works;
}

void Scheduler::take_prompt(Work& work) {
  try {
    context_.counters.computed_tokens += std::ssize(work.piece.tokens);
    work.job->prompt().take(work.logits, context_.impl.runner.pool());
  } catch (...) {
    work.job->fail(std::current_exception());
  }
}

void Scheduler::begin_answers(Job& job, std::vector<Choosing>& choosing) {
  try {
    std::ranges::copy(job.begin_answers(), std::back_inserter(choosing));
  } catch (...) {
    job.fail(std::current_exception());
  }
}

// Answers choose their tokens at once, on all threads: a large vocabulary takes its time.
void Scheduler::choose(std::vector<Work>& works) {
  std::vector<Choosing> choosing;
  std::vector<Job*> jobs;  // whose they are
  for (Work& work : works) {
    if (work.answer == nullptr) {
      take_prompt(work);
    } else if (!work.logits.empty() || work.token) {
      choosing.push_back({.answer = work.answer, .logits = work.logits, .token = work.token});
      jobs.push_back(work.job);
    }
  }
  const std::size_t going_on = jobs.size();
  for (const auto& job : running_) {
    if (job->phase() == Phase::kPrefill && job->prompt().is_done() && !job->has_failed()) {
      begin_answers(*job, choosing);
      jobs.resize(choosing.size(), job.get());
    }
  }
  const auto thrown =
      run_tasks(context_.impl.runner.pool(), std::ssize(choosing), [&](std::int64_t i) {
        const Choosing& one = choosing[static_cast<std::size_t>(i)];
        if (one.answer->finished()) {
          return;
        }
        if (one.token) {
          one.answer->take_token(*one.token);
        } else {
          one.answer->take(one.logits);
        }
      });
  for (std::size_t i = 0; i < thrown.size(); ++i) {
    if (thrown[i]) {
      jobs[i]->fail(thrown[i]);
    }
    if (i >= going_on) {
      jobs[i]->drop_logits();
    }
  }
}

void Scheduler::note_step(const std::vector<Work>& works, double seconds) {
  std::int64_t rows = 0;
  std::int64_t prompt_tokens = 0;
  for (const Work& work : works) {
    (work.answer != nullptr ? rows : prompt_tokens) += std::ssize(work.piece.tokens);
  }
  if (works.empty()) {
    return;
  }
  ++context_.counters.steps;
  if (rows > 0) {
    pace_.note(rows, prompt_tokens, seconds);
  }
  prompt_rate_.add(prompt_tokens, Clock::now());
}

std::int64_t Scheduler::report() {
  const std::int64_t generated = context_.counters.generated_tokens;
  std::int64_t ended = 0;
  for (auto& job : running_) {
    const std::optional<Outcome> outcome = job->report();
    if (!outcome) {
      continue;
    }
    ++ended;
    ServiceCounters& counters = context_.counters;
    (*outcome == Outcome::kFinished    ? counters.finished
     : *outcome == Outcome::kCancelled ? counters.cancelled
                                       : counters.failed) += 1;
    job.reset();
  }
  std::erase(running_, nullptr);
  generated_rate_.add(context_.counters.generated_tokens - generated, Clock::now());
  return ended;
}

std::int64_t Scheduler::step(const std::function<void()>& poll) {
  // What was cancelled while it waited ends here without being let in.
  for (auto& job : waiting_) {
    if (job->is_cancelled()) {
      running_.push_back(std::move(job));
    }
  }
  std::erase(waiting_, nullptr);
  const std::int64_t ended_before = report();
  keep_within_budget();
  admit();
  std::vector<Work> works = plan();
  const double seconds = works.empty() ? 0.0 : step_.run(works, poll);
  note_step(works, seconds);
  choose(works);
  return ended_before + report();
}

void Scheduler::describe(ServiceStatus& status) const {
  const Clock::time_point now = Clock::now();
  status.running = slots_in_use();
  status.waiting = std::ssize(waiting_);
  status.displaced =
      std::ranges::count_if(waiting_, [](const auto& job) { return job->was_displaced(); });
  status.slots = budget_.slots();
  status.context_tokens = budget_.context_tokens();
  status.kv_bytes = kv_in_use();
  status.kv_budget_bytes = budget_.kv_bytes();
  status.state_bytes = status.running * budget_.slot_bytes();
  status.state_budget_bytes = budget_.slots() * budget_.slot_bytes();
  status.kv_page_bytes = budget_.page_bytes();
  status.kv_page_tokens = model::KvLayout::kPageTokens;
  status.snapshots = context_.cache.snapshots();
  status.snapshot_bytes = context_.cache.bytes();
  status.snapshot_budget_bytes = context_.cache.budget_bytes();
  status.generated_tokens_per_second = generated_rate_.per_second(now);
  status.prompt_tokens_per_second = prompt_rate_.per_second(now);
  status.counters = context_.counters;
  for (const auto& job : running_) {
    status.requests.push_back(job->describe());
  }
}

}  // namespace minimax::serving
