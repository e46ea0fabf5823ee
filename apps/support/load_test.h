// SPDX-License-Identifier: Apache-2.0
// Asks a server as many clients would, and notes when what comes back. For `minimax bench serve`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace minimax::apps {

/// Where requests go.
struct LoadTarget {
  std::string host;
  std::string port;
  std::string api_key;  // sent as a bearer token; empty: none

  /// Reads "http://HOST[:PORT]", with or without "/v1" behind it.
  /// Throws: Error{kInvalidArgument} naming --url, Error{kUnsupported} for https.
  static LoadTarget from_url(const std::string& url);
};

/// What a server says of its model.
struct ServedModelInfo {
  std::string name;
  std::int64_t vocab_size = 0;  // 0: it does not say
};

/// Asks for /v1/models. Throws: Error{kIo, kCorruptFile} naming the server.
ServedModelInfo describe_served_model(const LoadTarget& target, double timeout_seconds);

/// Prompts of random tokens whose completions never end early.
struct LoadPlan {
  ServedModelInfo model = {};
  std::int64_t requests = 64;
  std::int64_t clients = 16;       // closed loop: each asks again once it is answered
  double requests_per_second = 0;  // above 0: open loop, in random intervals, whatever is answered
  std::int64_t prompt_tokens = 512;
  std::int64_t shared_tokens = 0;  // of these, the first are the same in all prompts
  std::int64_t max_tokens = 64;
  double temperature = 0;  // 0: greedily
  double top_p = 1;
  std::uint64_t seed = 0;
  double timeout_seconds = 600;  // of a request without news
};

/// What became of a request. Times are seconds since the test began.
struct RequestTimes {
  double begin = 0;
  std::vector<double> pieces = {};  // when each piece of the answer came
  double end = 0;
  std::int64_t output_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::string error = {};  // empty: it was answered
};

/// Runs the test in this thread. `progress` is called about ten times a second with the number of
/// requests that have ended; it may throw to end the test. In the order in which they were begun.
std::vector<RequestTimes> run_load(const LoadTarget& target, const LoadPlan& plan,
                                   const std::function<void(std::int64_t)>& progress);

}  // namespace minimax::apps
