// SPDX-License-Identifier: Apache-2.0
// From events of the engine to the body of a response: one writer for each protocol. Pure: the
// HTTP server sends what they return.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/api_error.h"
#include "serving/request.h"

namespace minimax::server {

/// What tells one response from another.
struct AnswerIdentity {
  std::string id;            ///< unique, letters and digits
  std::int64_t created = 0;  ///< seconds since 1970
  std::string model;
};

/// Not thread safe.
class AnswerWriter {
 public:
  AnswerWriter() = default;
  AnswerWriter(const AnswerWriter&) = delete;
  AnswerWriter& operator=(const AnswerWriter&) = delete;
  virtual ~AnswerWriter() = default;

  /// What a stream begins with.
  virtual std::string begin() { return ""; }
  /// The next bytes of the body; often none. Of a body that is no stream, all at the end.
  /// `request` counts the requests of the job. Throws: ApiError where a request failed.
  virtual std::string push(std::size_t request, serving::Event event) = 0;
  /// What ends a stream that failed.
  virtual std::string error_event(const ErrorInfo& info) const;
};

/// What an HTTP request makes the engine do, and how its response is written.
struct Job {
  std::vector<serving::Request> requests;
  std::unique_ptr<AnswerWriter> writer;
  bool streams = false;
};

/// Throws: ApiError where the event says that the request failed or was cancelled.
void check_event(const serving::Event& event);

/// "stop" or "length".
const char* finish_reason_text(FinishReason reason);

/// As many hexadecimal digits as identifiers have, from 128 random bits.
std::string random_id();

}  // namespace minimax::server
