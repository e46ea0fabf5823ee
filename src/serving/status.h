// SPDX-License-Identifier: Apache-2.0
// What a Service tells about itself.
#pragma once

#include <cstdint>
#include <vector>

#include "serving/request.h"

namespace minimax::serving {

enum class Phase { kPrefill, kDecode };

/// A request that runs.
struct RunningRequest {
  RequestId id = 0;
  Phase phase = Phase::kPrefill;
  std::int64_t answers = 0;  ///< that have not ended
  std::int64_t prompt_tokens = 0;
  std::int64_t prompt_tokens_read = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t generated_tokens = 0;  ///< of all answers
  double seconds = 0.0;               ///< since it was submitted
};

/// Counts since the start.
struct ServiceCounters {
  std::int64_t requests = 0;  ///< accepted
  std::int64_t refused = 0;   ///< for lack of room in the queue
  std::int64_t finished = 0;  ///< with answers
  std::int64_t cancelled = 0;
  std::int64_t failed = 0;
  std::int64_t steps = 0;
  std::int64_t prompt_tokens = 0;     ///< of requests that were let in
  std::int64_t cached_tokens = 0;     ///< of these, not computed
  std::int64_t computed_tokens = 0;   ///< of prompts, those that were read again included
  std::int64_t generated_tokens = 0;  ///< chosen
  std::int64_t preemptions = 0;
  std::int64_t drafted_tokens = 0;   ///< candidates of speculative decoding
  std::int64_t accepted_tokens = 0;  ///< of these, those that the model chose as well
};

/// One moment.
struct ServiceStatus {
  std::int64_t running = 0;    ///< sequences
  std::int64_t waiting = 0;    ///< requests, displaced ones included
  std::int64_t displaced = 0;  ///< requests that ran before and wait to go on
  bool is_draining = false;

  std::int64_t slots = 0;           ///< sequences that can run together
  std::int64_t context_tokens = 0;  ///< the most that a prompt and its answer may have
  std::int64_t kv_bytes = 0;        ///< in use, of kv_budget_bytes
  std::int64_t kv_budget_bytes = 0;
  std::int64_t state_bytes = 0;  ///< of lightning layers in use, of state_budget_bytes
  std::int64_t state_budget_bytes = 0;
  std::int64_t kv_page_bytes = 0;  ///< of one page in all layers
  std::int64_t kv_page_tokens = 0;
  std::int64_t snapshots = 0;       ///< in memory
  std::int64_t snapshot_bytes = 0;  ///< of snapshot_budget_bytes; what they share counts once
  std::int64_t snapshot_budget_bytes = 0;

  double generated_tokens_per_second = 0.0;  ///< of about the last seconds
  double prompt_tokens_per_second = 0.0;     ///< as above
  ServiceCounters counters;
  std::vector<RunningRequest> requests;  ///< those that run, oldest first
};

}  // namespace minimax::serving
