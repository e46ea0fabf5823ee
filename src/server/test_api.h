// SPDX-License-Identifier: Apache-2.0
// For tests: an Api with the demonstration model's tokenizer and an engine that says what the test
// tells it to.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "minimax/tokenizer.h"
#include "server/api.h"
#include "server/job_run.h"

namespace minimax::server {

/// An engine without a model. Thread safety: members may be called from any thread.
class FakeEngine {
 public:
  Backend backend();

  /// Everything that was submitted, sinks and ids beside.
  struct Submitted {
    serving::Request request;
    serving::Sink sink;
    bool is_cancelled = false;
  };
  std::size_t count() const;
  Submitted at(std::size_t index) const;
  std::size_t cancelled() const;
  /// From now on, submit() throws this.
  void refuse_with(Error error);
  /// From now on, every request gets this text at once, piece by piece, and its end.
  void answer_with(std::vector<std::string> pieces, FinishReason reason);

 private:
  serving::RequestId submit(const serving::Request& request, const serving::Sink& sink);

  mutable std::mutex mutex_;
  std::vector<Submitted> submitted_;
  std::optional<Error> refusal_;
  std::optional<std::vector<std::string>> pieces_;
  FinishReason reason_ = FinishReason::kEndOfSequence;
};

class TestApi {
 public:
  explicit TestApi(ApiOptions options = {}, std::int64_t context_tokens = 512);

  Api& api() { return api_; }
  FakeEngine& engine() { return engine_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

  /// A call of a client that does nothing wrong.
  static Call get(std::string target);
  static Call post(std::string target, std::string body);

  Reply reply(Call call);
  /// Runs the job of the call with what the engine was told to answer. The body of the response.
  std::string body(Call call);

 private:
  Tokenizer tokenizer_;
  FakeEngine engine_;
  Api api_;
};

/// An event with text.
serving::Event text_event(std::string text);

}  // namespace minimax::server
