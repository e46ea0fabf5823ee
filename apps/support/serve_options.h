// SPDX-License-Identifier: Apache-2.0
// The options of `minimax serve`: where it listens, who may ask, and what it may take.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/api.h"
#include "server/http_server.h"
#include "serving/options.h"
#include "support/cli11_fwd.h"
#include "support/environment.h"

namespace minimax::apps {

struct ServeOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;
  std::vector<std::string> served_model_names;

  std::vector<std::string> api_keys;
  std::string api_key_file;
  bool insecure = false;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> cors_origins;
  std::string tls_certificate;
  std::string tls_key;

  serving::ServiceOptions service;
  std::uint64_t kv_memory = 0;        // bytes
  std::uint64_t state_memory = 0;     // bytes
  std::uint64_t snapshot_memory = 1;  // bytes
  std::string draft;                  // a model

  std::uint64_t max_body = 32U << 20;  // bytes
  double drain_timeout = 30.0;         // seconds
  std::string metrics_compat = "none";
};

void add_serve_options(CLI::App& command, Environment& environment, ServeOptions& options);

/// Reads the key file. Throws: UsageError for options that do not go together, such as an address
/// that others reach without a key.
server::ApiOptions to_api_options(const ServeOptions& options);
server::HttpOptions to_http_options(const ServeOptions& options);
serving::ServiceOptions to_service_options(const ServeOptions& options);

}  // namespace minimax::apps
