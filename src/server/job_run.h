// SPDX-License-Identifier: Apache-2.0
// Runs the requests of one job in the engine and turns what happens into the body of a response.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "server/answer.h"
#include "server/backend.h"
#include "server/metrics.h"

namespace minimax::server {

/// Not thread safe: one thread starts it and gives it its events.
class JobRun {
 public:
  using Clock = std::chrono::steady_clock;
  /// Called on the engine's thread with the number of the request within the job.
  using EventHandler = std::function<void(std::size_t request, serving::Event event)>;

  /// Requests of one job that are in the engine at once; the others follow.
  static constexpr std::size_t kWindow = 16;

  /// `backend` and `metrics` must outlive the run.
  JobRun(Job job, const Backend& backend, Metrics& metrics, EventHandler on_event);
  JobRun(const JobRun&) = delete;
  JobRun& operator=(const JobRun&) = delete;
  /// Cancels what is left.
  ~JobRun();

  /// Hands the first requests to the engine. Throws: as serving::Service::submit; then nothing of
  /// the job is left in the engine.
  void start();
  /// What a stream begins with. Requires: start().
  std::string begin() { return job_.writer->begin(); }
  /// The next bytes of the body. Throws: ApiError where the job failed.
  std::string push(std::size_t request, serving::Event event);
  void cancel();

  bool streams() const { return job_.streams; }
  bool is_finished() const { return ended_ == total_; }
  std::string error_event(const ErrorInfo& info) const { return job_.writer->error_event(info); }

 private:
  void submit_next();
  void count(std::size_t request, const serving::Event& event);

  Job job_;
  const Backend* backend_;
  Metrics* metrics_;
  EventHandler on_event_;
  std::size_t total_ = 0;
  std::size_t submitted_ = 0;
  std::size_t ended_ = 0;
  std::map<std::size_t, serving::RequestId> running_;
  Clock::time_point start_ = Clock::now();
  bool has_tokens_ = false;
  std::map<std::pair<std::size_t, std::int64_t>, Clock::time_point> last_token_;
};

}  // namespace minimax::server
