// SPDX-License-Identifier: Apache-2.0
// One request from its submission to its last event.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <vector>

#include "serving/answer.h"
#include "serving/budget.h"
#include "serving/job_context.h"
#include "serving/prompt_reader.h"
#include "serving/request.h"
#include "serving/status.h"

namespace minimax::serving {

/// An answer and the logits of which it takes its next tokens.
struct Choosing {
  Answer* answer;
  std::span<float> logits;
  std::optional<std::int32_t> token = {};  // chosen already
};

enum class Outcome { kFinished, kCancelled, kFailed };

/// Thread safety: one thread, but for the constructor.
class Job {
 public:
  /// `context` must outlive the job.
  Job(const JobContext& context, RequestId id, Request request, Sink sink);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job();

  RequestId id() const { return id_; }
  const Request& request() const { return request_; }
  Clock::time_point submitted() const { return submitted_; }
  Clock::time_point let_in_at() const { return let_in_at_; }  ///< for the first time
  bool was_displaced() const { return was_displaced_; }

  /// Sequences that it runs, or will run.
  std::int64_t slots() const;
  /// Keys and values that its next step needs, at most.
  std::int64_t kv_bytes(const Budget& budget) const;
  Phase phase() const { return reads_answers_ ? Phase::kDecode : Phase::kPrefill; }

  /// Lets the request in, for the first time or again. Nothing throws: what fails ends the job.
  void start();
  /// To be called before prompt() is read, any number of times. Throws: Error{kOutOfMemory}.
  void begin_prompt();
  /// Stops it for others that have more right to run. What fits into the memory for snapshots is
  /// kept, the rest is read again.
  void displace();

  /// Forgets all states: none of them may be continued.
  void drop_states();

  PromptReader& prompt() { return prompt_; }
  /// Answers that have not ended. In phase kDecode only.
  std::vector<Answer*> live_answers();
  /// After prompt().is_done(): lets the answers begin, and tells which ones choose their first
  /// token.
  std::vector<Choosing> begin_answers();
  /// Once they have chosen: the logits behind the prompt are not needed again.
  void drop_logits();

  void cancel();
  bool is_cancelled() const { return is_cancelled_; }
  bool has_failed() const { return failure_ != nullptr; }
  void fail(const std::exception_ptr& thrown);

  /// Tells the client what happened. Returns how the request ended, if it did.
  std::optional<Outcome> report();

  RunningRequest describe() const;

 private:
  void let_in();
  std::vector<model::SequenceState*> states();
  void release_held();
  bool has_ended() const;
  Usage usage() const;
  std::vector<Event> events();
  void tell_progress();
  void tell();
  void retire_answers();
  void report_failure();

  const JobContext& context_;
  RequestId id_;
  Request request_;
  Sink sink_;
  PromptReader prompt_;
  std::deque<Answer> answers_;                    // made when the request is let in
  std::vector<std::vector<float>> first_logits_;  // one row for each answer that begins
  std::exception_ptr failure_;
  bool reads_answers_ = false;  // the prompt is behind us
  bool is_let_in_ = false;      // once at least
  bool was_displaced_ = false;  // and waits to go on
  bool is_held_ = false;        // the states count within the budget of the cache
  bool is_cancelled_ = false;
  bool knows_cached_tokens_ = false;
  bool has_told_ = false;  // the first event
  std::int64_t cached_tokens_ = 0;
  std::int64_t progress_told_ = 0;  // tokens of the prompt
  Clock::time_point submitted_ = Clock::now();
  Clock::time_point let_in_at_;
  std::optional<Clock::time_point> first_token_;
};

}  // namespace minimax::serving
