// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: clients that collect what a Service tells them.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "serving/service.h"

namespace minimax::serving::testing {

/// The events of one answer together.
struct Collected {
  std::vector<std::int32_t> tokens = {};
  std::string text = {};
  std::vector<TokenLogprobs> logprobs = {};
  std::optional<FinishReason> finish_reason = {};
};

/// A client with one request at a time. Thread safety: the sink may be called from any thread.
class Client {
 public:
  Sink sink();
  /// Waits for the last event.
  void wait();
  bool has_ended() const;

  // After wait().
  const Collected& answer(std::int64_t index = 0) { return answers_[index]; }
  std::vector<TokenLogprobs> prompt_logprobs;
  std::vector<float> embedding;
  std::optional<Error> error;
  Usage usage;
  std::int64_t last_events = 0;
  std::int64_t events_after_the_last = 0;

  /// Called within the sink.
  std::function<void(const Event&)> on_event;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::int64_t, Collected> answers_;
};

/// Submits and waits.
void ask(Service& service, const Request& request, Client& client);

/// A prompt that depends on `seed` alone.
std::vector<std::int32_t> random_tokens(std::int64_t count, std::int64_t vocab_size,
                                        std::uint64_t seed);

/// A request for `new_tokens` tokens, no fewer.
Request request_for(std::vector<std::int32_t> prompt, std::int64_t new_tokens);

/// A small model of both types of layers, with random weights.
MiniMaxForCausalLM small_model(ComputeType dtype = ComputeType::kFloat32, int threads = 1,
                               Device device = Device::kCpu);
Tokenizer demonstration_tokenizer();

}  // namespace minimax::serving::testing
