// SPDX-License-Identifier: Apache-2.0
#include "server/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "base/file.h"
#include "server/structured_output.h"

namespace minimax::server {
namespace {

constexpr std::string_view kAnthropic = "/v1/messages";

// A slash at the end makes no difference, and neither does a missing /v1.
std::string_view trimmed(std::string_view path) {
  return path.size() > 1 && path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

bool matches(const Route& route, std::string_view path) {
  if (route.path.ends_with("/*")) {
    const std::string_view prefix = route.path.substr(0, route.path.size() - 1);
    return path.size() > prefix.size() && path.starts_with(prefix);
  }
  return route.path == path;
}

bool matches_with_version(const Route& route, std::string_view path) {
  return matches(route, path) || matches(route, fmt::format("/v1{}", path));
}

// The methods that a path takes: "GET, POST"; none for a path that is not there.
std::string methods_of(std::string_view path) {
  std::string methods;
  for (const Route& route : routes()) {
    if (matches_with_version(route, path)) {
      methods += methods.empty() ? "" : ", ";
      methods += route.method;
    }
  }
  return methods;
}

bool is_json(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  std::erase(type, ' ');
  std::ranges::transform(type, type.begin(), [](char c) {
    return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

void check_content(const Call& call) {
  if (!call.header("content-encoding").empty()) {
    throw ApiError({.status = 415,
                    .message = "Content-Encoding: expected none, as bodies are read as they come",
                    .code = "unsupported_content_encoding"});
  }
  const auto types = call.header("content-type");
  if (types.size() != 1 || !is_json(types.front())) {
    throw ApiError({.status = 415,
                    .message = fmt::format("Content-Type: expected application/json, found {}",
                                           types.empty() ? "none" : base::printable(types.front())),
                    .code = "unsupported_media_type"});
  }
}

ApiError unavailable(std::string message, std::string code) {
  return ApiError({.status = 503,
                   .type = "server_error",
                   .message = std::move(message),
                   .code = std::move(code)});
}

ApiError unauthorized(std::string message) {
  return ApiError({.status = 401,
                   .type = "authentication_error",
                   .message = std::move(message),
                   .code = "invalid_api_key"});
}

}  // namespace

std::vector<std::string_view> Call::header(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& header : headers) {
    if (header.first == name) {
      values.emplace_back(header.second);
    }
  }
  return values;
}

std::string_view Call::path() const { return std::string_view(target).substr(0, target.find('?')); }

Reply json_reply(const base::Json& body) { return {.body = base::write_json(body)}; }

Api::Api(ApiOptions options) : options_(std::move(options)) {}

Api::~Api() = default;

void Api::set_ready(Ready ready) {
  structures_ = std::make_unique<const StructuredOutput>(ready.model);
  ready.model.structures = structures_.get();
  owned_ready_ = std::make_unique<const Ready>(std::move(ready));
  ready_ = owned_ready_.get();
}

bool Api::is_quick(const Call& call) const { return call.method != "POST"; }

void Api::check_host(const Call& call) const {
  const auto hosts = call.header("host");
  if (hosts.size() > 1 || (hosts.empty() && call.needs_host)) {
    throw ApiError({.message = "Host: expected one header", .code = "invalid_host"});
  }
  // A key keeps strangers out by itself.
  if (options_.keys.is_empty() && !hosts.empty() &&
      !is_trusted_host(hosts.front(), options_.allowed_hosts)) {
    throw ApiError(
        {.status = 403,
         .type = "permission_error",
         .message = fmt::format("Host: expected an address, localhost or an allowed name, "
                                "found {}",
                                base::printable(hosts.front())),
         .code = "host_not_allowed"});
  }
}

void Api::check_key(Call& call) const {
  if (options_.keys.is_empty()) {
    return;
  }
  const auto authorization = call.header("authorization");
  const auto direct = call.header("x-api-key");
  if (authorization.size() + direct.size() > 1 && (authorization.size() > 1 || direct.size() > 1)) {
    throw unauthorized("expected one Authorization header, found several");
  }
  std::optional<std::string> key;
  if (!authorization.empty()) {
    key = bearer_key(authorization.front());
  } else if (!direct.empty()) {
    key = std::string(direct.front());
  }
  if (!key) {
    throw unauthorized("expected an API key: Authorization: Bearer KEY");
  }
  const std::optional<std::string> digest = options_.keys.find(*key);
  if (!digest) {
    throw unauthorized("Incorrect API key provided.");
  }
  call.key = *digest;
}

const Route& Api::find_route(const Call& call) const {
  const std::string_view path = trimmed(call.path());
  for (const Route& route : routes()) {
    if (route.method == call.method && matches_with_version(route, path)) {
      return route;
    }
  }
  const std::string methods = methods_of(path);
  if (methods.empty()) {
    throw ApiError({.status = 404,
                    .message = fmt::format("There is no {}.", base::printable(path)),
                    .code = "not_found"});
  }
  throw ApiError({.status = 405,
                  .message = fmt::format("{}: expected {}, found {}", path, methods,
                                         base::printable(call.method)),
                  .code = "method_not_allowed"});
}

Reply Api::state_reply(bool is_ready_route) const {
  const char* status = ready_.load() == nullptr ? "loading" : is_draining_ ? "draining" : "ok";
  Reply reply = json_reply(base::JsonObject{{"status", status}});
  const bool is_up = !is_ready_route || std::string_view(status) == "ok";
  reply.status = is_up ? 200 : 503;
  return reply;
}

Outcome Api::dispatch(Call& call) {
  if (!call.target.starts_with('/')) {
    throw ApiError({.message = "expected a path as the target of the request"});
  }
  check_host(call);
  const std::string_view path = trimmed(call.path());
  if (call.method == "GET" && (path == "/health" || path == "/ready")) {
    return state_reply(path == "/ready");
  }
  if (call.method == "OPTIONS" && !call.header("origin").empty()) {
    return preflight(call);
  }
  const Route& route = find_route(call);
  if (route.access == Access::kKey) {
    check_key(call);
  }
  if (call.method == "POST") {
    check_content(call);
  }
  const Ready* ready = ready_;
  static const Ready kNothing;
  if (route.needs == Needs::kModel && ready == nullptr) {
    throw unavailable("Loading model", "loading");
  }
  Outcome outcome = route.handle({.ready = ready == nullptr ? kNothing : *ready,
                                  .limits = options_.limits,
                                  .metrics = metrics_,
                                  .metric_names = options_.metric_names},
                                 call);
  if (std::holds_alternative<Job>(outcome) && is_draining_) {
    throw unavailable("The server is shutting down", "draining");
  }
  return outcome;
}

Outcome Api::handle(Call& call) {
  try {
    return dispatch(call);
  } catch (const ApiError& error) {
    return error_reply(call, error.info());
  } catch (const Error& error) {
    return error_reply(call, describe_error(error));
  } catch (const std::bad_alloc&) {
    return error_reply(call, {.status = 503, .type = "server_error", .message = "out of memory"});
  } catch (const std::exception&) {
    // What went wrong inside is nobody's business outside.
    return error_reply(call, {.status = 500, .type = "server_error", .message = "internal error"});
  }
}

Reply Api::error_reply(const Call& call, const ErrorInfo& info) const {
  const bool is_anthropic = call.path().starts_with(kAnthropic);
  Reply reply{.status = info.status,
              .body = is_anthropic ? anthropic_error_body(info) : error_body(info)};
  if (info.status == 429 || info.status == 503) {
    reply.headers.emplace_back("Retry-After", info.status == 429 ? "1" : "5");
  }
  if (info.status == 405) {
    reply.headers.emplace_back("Allow", methods_of(trimmed(call.path())));
  }
  if (info.status == 401) {
    reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  return reply;
}

std::vector<std::pair<std::string, std::string>> Api::common_headers(const Call& call) const {
  std::vector<std::pair<std::string, std::string>> headers = {
      {"X-Request-Id", call.id}, {"X-Content-Type-Options", "nosniff"}};
  const auto origins = call.header("origin");
  const auto is_allowed = [&](const std::string& each) {
    return each == "*" || each == origins.front();
  };
  if (origins.size() == 1 && std::ranges::any_of(options_.cors_origins, is_allowed)) {
    headers.emplace_back("Access-Control-Allow-Origin", origins.front());
    headers.emplace_back("Vary", "Origin");
  }
  return headers;
}

Reply Api::preflight(const Call& call) const {
  const auto headers = common_headers(call);
  const bool is_allowed = std::ranges::any_of(
      headers, [](const auto& header) { return header.first == "Access-Control-Allow-Origin"; });
  if (!is_allowed) {
    throw ApiError({.status = 403,
                    .type = "permission_error",
                    .message = "Origin: not allowed to ask this server",
                    .code = "origin_not_allowed"});
  }
  return {.status = 204,
          .body = "",
          .headers = {{"Access-Control-Allow-Methods", "GET, POST"},
                      {"Access-Control-Allow-Headers",
                       "Authorization, Content-Type, X-Api-Key, Anthropic-Version"},
                      {"Access-Control-Max-Age", "600"}}};
}

}  // namespace minimax::server
