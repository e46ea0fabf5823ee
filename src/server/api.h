// SPDX-License-Identifier: Apache-2.0
// The server without its sockets: from a request to a response or a job, with everything that
// holds for all routes: keys, hosts, origins, content types, errors.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "server/auth.h"
#include "server/route.h"

namespace minimax::server {

struct ApiOptions {
  ApiKeys keys;                            ///< none: everybody may ask
  std::vector<std::string> allowed_hosts;  ///< names in the Host header, besides addresses
  std::vector<std::string> cors_origins;   ///< pages that may ask; "*" for all
  MetricNames metric_names = MetricNames::kOwn;
  RequestLimits limits;
};

/// Thread safety: all members may be called from any thread; set_ready() once.
class Api {
 public:
  explicit Api(ApiOptions options);
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;
  ~Api();

  /// Until then, what needs a model is answered with 503.
  void set_ready(Ready ready);
  /// From then on, whatever makes the engine work is answered with 503.
  void set_draining() { is_draining_ = true; }

  /// Never throws. May take long where a body has to be read or a prompt tokenized.
  Outcome handle(Call& call);
  /// Whether handle() answers at once, whatever the body.
  bool is_quick(const Call& call) const;

  /// The response for a failure that becomes known later.
  Reply error_reply(const Call& call, const ErrorInfo& info) const;
  /// The headers of every response to the call, such as those for other origins.
  std::vector<std::pair<std::string, std::string>> common_headers(const Call& call) const;

  Metrics& metrics() { return metrics_; }
  /// Requires: set_ready(), as whoever has a job knows.
  const Backend& backend() const { return ready_.load()->backend; }

 private:
  Outcome dispatch(Call& call);
  Reply preflight(const Call& call) const;
  Reply state_reply(bool is_ready_route) const;
  const Route& find_route(const Call& call) const;
  void check_host(const Call& call) const;
  void check_key(Call& call) const;

  ApiOptions options_;
  Metrics metrics_;
  std::unique_ptr<const StructuredOutput> structures_;
  std::unique_ptr<const Ready> owned_ready_;
  std::atomic<const Ready*> ready_ = nullptr;
  std::atomic<bool> is_draining_ = false;
};

}  // namespace minimax::server
