// SPDX-License-Identifier: Apache-2.0
// What a load test measured, as a table and as JSON.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/load_test.h"

namespace minimax::apps {

/// How some durations are distributed, in seconds.
struct Distribution {
  double mean = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

/// All zero where there are none. A percentile is the smallest value that so many do not exceed.
Distribution distribution(std::vector<double> values);

struct LoadReport {
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  double seconds = 0;              // from the first request to the end of the last one
  std::int64_t prompt_tokens = 0;  // of those that completed, as the following
  std::int64_t cached_tokens = 0;
  std::int64_t output_tokens = 0;
  Distribution time_to_first_token;
  Distribution time_between_tokens;  // between pieces of an answer
  Distribution latency;              // of whole requests
  std::vector<std::string> errors;   // the first few different ones
};

LoadReport summarize(const LoadPlan& plan, std::span<const RequestTimes> requests);

base::Json to_json(const LoadReport& report);
std::string to_text(const LoadReport& report);

}  // namespace minimax::apps
