// SPDX-License-Identifier: Apache-2.0
#include "server/answer.h"

#include <fmt/format.h>

#include <random>

#include "server/sse.h"

namespace minimax::server {

std::string AnswerWriter::error_event(const ErrorInfo& info) const {
  return sse_data(error_body(info));
}

void check_event(const serving::Event& event) {
  if (event.error) {
    throw ApiError(describe_error(*event.error));
  }
  if (event.finish_reason == FinishReason::kCancelled) {
    throw ApiError({.status = 503,
                    .type = "server_error",
                    .message = "The request was cancelled before its end.",
                    .code = "cancelled"});
  }
}

const char* finish_reason_text(FinishReason reason) {
  return reason == FinishReason::kLength || reason == FinishReason::kTime ? "length" : "stop";
}

std::string random_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace minimax::server
