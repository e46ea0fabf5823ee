// SPDX-License-Identifier: Apache-2.0
// Why a request over HTTP is refused, with what the protocols tell about it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "minimax/error.h"

namespace minimax::server {

/// The members of the error object of OpenAI's protocol and the status of the response.
struct ErrorInfo {
  int status = 400;
  std::string type = "invalid_request_error";
  std::string message = {};
  std::string param = {};  ///< the field, such as "messages[2].content"; empty: null
  std::string code = {};   ///< such as "model_not_found"; empty: null
};

/// Thrown by everything that reads requests.
class ApiError : public std::runtime_error {
 public:
  explicit ApiError(ErrorInfo info) : std::runtime_error(info.message), info_(std::move(info)) {}

  const ErrorInfo& info() const { return info_; }

 private:
  ErrorInfo info_;
};

/// Status 400 for a field. The message names the field, too.
ApiError bad_field(std::string param, std::string_view what, std::string code = "");

/// What an error of the library means to a client: 400 for what the request asked, 429 and 503 for
/// too much of it, 500 for the rest. A message of the form "field: ..." names the param.
ErrorInfo describe_error(const Error& error);

/// {"error": {"message", "type", "param", "code"}}
std::string error_body(const ErrorInfo& info);

/// {"type": "error", "error": {"type", "message"}}, as Anthropic's protocol has it.
std::string anthropic_error_body(const ErrorInfo& info);

}  // namespace minimax::server
