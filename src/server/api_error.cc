// SPDX-License-Identifier: Apache-2.0
#include "server/api_error.h"

#include <fmt/format.h>

#include <utility>

#include "base/file.h"
#include "base/json.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonObject;

constexpr std::size_t kLongestMessage = 1000;

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

// The field that a message of the library begins with, or nothing.
std::string leading_field(std::string_view message) {
  const std::size_t colon = message.find(": ");
  constexpr std::string_view kOfFields =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.[]";
  const bool is_field = colon != std::string_view::npos && colon > 0 &&
                        message.substr(0, colon).find_first_not_of(kOfFields) == message.npos;
  return is_field ? std::string(message.substr(0, colon)) : "";
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

ApiError bad_field(std::string param, std::string_view what, std::string code) {
  std::string message = param.empty() ? std::string(what) : fmt::format("{}: {}", param, what);
  return ApiError({.message = base::printable(message, kLongestMessage),
                   .param = base::printable(param),
                   .code = std::move(code)});
}

ErrorInfo describe_error(const Error& error) {
  ErrorInfo info{.message = base::printable(error.what(), kLongestMessage)};
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
    case ErrorCode::kCorruptFile:
      info.param = leading_field(error.what());
      return info;
    case ErrorCode::kOverloaded:
      info.status = 429;
      info.type = "rate_limit_error";
      info.code = "overloaded";
      return info;
    case ErrorCode::kOutOfMemory:
      info.status = 503;
      break;
    default:
      info.status = 500;
  }
  info.type = "server_error";
  return info;
}

std::string error_body(const ErrorInfo& info) {
  return base::write_json(JsonObject{{"error", JsonObject{{"message", info.message},
                                                          {"type", info.type},
                                                          {"param", text_or_null(info.param)},
                                                          {"code", text_or_null(info.code)}}}});
}

std::string anthropic_error_body(const ErrorInfo& info) {
  return base::write_json(JsonObject{
      {"type", "error"},
      {"error", JsonObject{{"type", anthropic_type(info.status)}, {"message", info.message}}}});
}

}  // namespace minimax::server
