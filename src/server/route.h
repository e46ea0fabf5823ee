// SPDX-License-Identifier: Apache-2.0
// What every route gets and returns. Routes know no sockets: a request is a value, and so is what
// becomes of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "server/answer.h"
#include "server/api_error.h"
#include "server/backend.h"
#include "server/limits.h"
#include "server/metrics.h"
#include "server/served_model.h"

namespace minimax::server {

/// A request over HTTP.
struct Call {
  std::string method = {};
  std::string target = {};  ///< path and query as they came
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< names in lower case
  bool needs_host = true;                                         ///< false: HTTP/1.0
  std::string id = {};                                            ///< unique; identifies the answer
  std::int64_t now = 0;                                           ///< seconds since 1970
  std::string key = {};  ///< the digest of the API key; filled in once it was checked

  /// All values of a header, by its name in lower case.
  std::vector<std::string_view> header(std::string_view name) const;
  /// The target without its query.
  std::string_view path() const;
};

/// A response that is ready.
struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// A response, or what has to be done first.
using Outcome = std::variant<Reply, Job>;

/// Once a model is loaded.
struct Ready {
  ServedModel model;
  Backend backend;
};

/// What a route may look at.
struct RouteContext {
  const Ready& ready;
  const RequestLimits& limits;
  const Metrics& metrics;
  MetricNames metric_names = MetricNames::kOwn;
};

enum class Access { kOpen, kKey };
/// Whether a route has to wait for the model.
enum class Needs { kNothing, kModel };

struct Route {
  std::string_view method;
  std::string_view path;  ///< one that ends in /* stands for everything below
  Access access = Access::kKey;
  Needs needs = Needs::kModel;
  Outcome (*handle)(const RouteContext& context, const Call& call) = nullptr;
  std::string_view summary = {};  ///< for /openapi.json, as is the next one
  std::string_view body = {};     ///< the schema of the body; empty: none is read
};

/// All routes. The Api answers those without a function, /health and /ready, itself.
const std::vector<Route>& routes();

Reply json_reply(const base::Json& body);

}  // namespace minimax::server
