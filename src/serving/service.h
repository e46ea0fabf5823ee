// SPDX-License-Identifier: Apache-2.0
// Serves many requests with one model: a thread that runs the model for all of them together.
// Knows nothing of protocols.
#pragma once

#include <cstdint>
#include <memory>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "serving/options.h"
#include "serving/request.h"
#include "serving/status.h"

namespace minimax::serving {

/// Owns the thread of the engine. Thread safety: all members may be called from any thread; submit,
/// cancel and status from a sink, too.
class Service {
 public:
  /// `model`, `tokenizer` and options.draft_model must outlive the service; nobody else may use the
  /// models meanwhile. Throws: Error{kInvalidArgument} naming the option, Error{kOutOfMemory} where
  /// not even one sequence fits into the budgets.
  Service(MiniMaxForCausalLM& model, const Tokenizer& tokenizer,
          const ServiceOptions& options = {});
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  /// Cancels what is left.
  ~Service();

  /// Every request that is accepted gets a last event, which has a finish reason for the last
  /// answer or an error. Throws: Error{kInvalidArgument} naming the field; Error{kOverloaded} where
  /// too many wait or the service is draining.
  RequestId submit(Request request, Sink sink);
  /// Ends a request within one step, and while it alone reads its prompt, within one layer. The
  /// last event says kCancelled. Unknown ids, and those that have ended, are ignored.
  void cancel(RequestId id);
  /// Refuses new requests and returns when all have ended. Not to be called from a sink.
  void drain();
  ServiceStatus status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace minimax::serving
