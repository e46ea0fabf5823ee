// SPDX-License-Identifier: Apache-2.0
// Decides what runs in every step, and runs it: continuous batching. Has no thread of its own.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "serving/budget.h"
#include "serving/job.h"
#include "serving/pace.h"
#include "serving/rate.h"
#include "serving/status.h"
#include "serving/step.h"

namespace minimax::serving {

/// Thread safety: one thread.
class Scheduler {
 public:
  /// Both must outlive the scheduler.
  Scheduler(const JobContext& context, const Budget& budget);

  void add(std::unique_ptr<Job> job) { waiting_.push_back(std::move(job)); }
  /// Marks a request; the step that runs, or the next one, ends it. False where it is not here.
  bool cancel(RequestId id);
  void cancel_all();
  /// Ends what runs, after step() has thrown. The last resort: requests fail one by one otherwise.
  void fail_running(const std::exception_ptr& thrown);

  bool is_idle() const { return waiting_.empty() && running_.empty(); }
  std::int64_t waiting() const { return std::ssize(waiting_); }

  /// Lets requests in, runs the model once and tells clients what came of it. `poll` is called
  /// between the layers and may cancel. Returns how many requests ended.
  std::int64_t step(const std::function<void()>& poll);

  /// Fills what the scheduler knows of.
  void describe(ServiceStatus& status) const;

 private:
  using Jobs = std::vector<std::unique_ptr<Job>>;

  void admit();
  std::size_t next_waiting() const;
  bool fits_beside(const Job& job, std::int32_t worst_priority) const;
  bool make_room_for(const Job& job);
  void keep_within_budget();
  Jobs::iterator last_in_right();
  void displace(Jobs::iterator job);
  std::int64_t slots_in_use() const;
  std::int64_t kv_in_use() const;

  std::vector<Work> plan();
  void plan_answers(Job& job, std::vector<Work>& works) const;
  static bool should_wait(Job& job, std::span<const Work> works);
  static void plan_prompts(std::span<Job* const> prompts, std::int64_t room,
                           std::vector<Work>& works);
  std::vector<Job*> prompts_in_order();
  static void begin_answers(Job& job, std::vector<Choosing>& choosing);
  void choose(std::vector<Work>& works);
  void take_prompt(Work& work);
  void note_step(const std::vector<Work>& works, double seconds);
  std::int64_t report();

  const JobContext& context_;
  const Budget& budget_;
  std::int64_t max_step_tokens_;
  Step step_;
  Pace pace_;
  Jobs waiting_;
  Jobs running_;  // in the order in which they were let in
  bool shortest_first_ = false;
  Rate generated_rate_;
  Rate prompt_rate_;
};

}  // namespace minimax::serving
