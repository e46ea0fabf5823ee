// SPDX-License-Identifier: Apache-2.0
#include "support/serve_options.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <sstream>

#include "base/file.h"
#include "server/auth.h"
#include "support/exit_code.h"
#include "support/terminal.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMaxKeyFileBytes = 1 << 20;

void add_size(CLI::App& command, Environment& environment, const std::string& name,
              std::uint64_t& value, const std::string& help) {
  environment.bind(command.add_option(name, value, help)
                       ->type_name("SIZE")
                       ->check([](const std::string& text) {
                         return text.starts_with('-')
                                    ? "expected a size such as 8GiB, found " + text
                                    : std::string();
                       })
                       ->transform(CLI::AsSizeValue(false))
                       ->group("Memory and order"));
}

void add_network_options(CLI::App& command, Environment& environment, ServeOptions& options) {
  const std::string group = "Network";
  environment.bind(command.add_option("--host", options.host, "Address to listen at")
                       ->type_name("ADDRESS")
                       ->capture_default_str()
                       ->group(group));
  environment.bind(command.add_option("--port", options.port, "Port; 0: any free one")
                       ->type_name("N")
                       ->check(whole_number(0, 65535))
                       ->capture_default_str()
                       ->group(group));
  environment.bind(command
                       .add_option("--tls-cert", options.tls_certificate,
                                   "Serve HTTPS with this chain (PEM); read again on SIGHUP")
                       ->type_name("FILE")
                       ->group(group));
  environment.bind(command.add_option("--tls-key", options.tls_key, "Its private key (PEM)")
                       ->type_name("FILE")
                       ->group(group));
  command
      .add_option("--cors-origin", options.cors_origins,
                  "Pages of this origin may ask; may be repeated")
      ->type_name("ORIGIN")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--allowed-host", options.allowed_hosts,
                  "Accept this name in Host, besides localhost and addresses; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->group(group);
  add_size(command, environment, "--max-body", options.max_body, "Longest body of a request");
  environment.bind(command
                       .add_option("--drain-timeout", options.drain_timeout,
                                   "Seconds that requests may go on after Ctrl-C or SIGTERM")
                       ->type_name("N")
                       ->check(number(0, 1e6))
                       ->capture_default_str()
                       ->group(group));
}

void add_access_options(CLI::App& command, Environment& environment, ServeOptions& options) {
  const std::string group = "Access";
  environment.bind(
      command
          .add_option("--api-key", options.api_keys,
                      "A key that clients must have; may be repeated. Others on this machine can "
                      "see it: prefer the variable or a file")
          ->type_name("KEY")
          ->allow_extra_args(false)
          ->group(group));
  environment.bind(
      command.add_option("--api-key-file", options.api_key_file, "A file with one key to a line")
          ->type_name("FILE")
          ->group(group));
  command
      .add_flag("--insecure", options.insecure,
                "Let everybody who reaches the address ask, without a key")
      ->group(group);
}

void add_engine_options(CLI::App& command, Environment& environment, ServeOptions& options) {
  const std::string group = "Memory and order";
  serving::ServiceOptions& service = options.service;
  const auto add_count = [&](const std::string& name, std::int64_t& value, std::int64_t min,
                             const std::string& help) {
    environment.bind(command.add_option(name, value, help)
                         ->type_name("N")
                         ->check(whole_number(min, kLargest))
                         ->capture_default_str()
                         ->group(group));
  };
  add_count("--max-running", service.max_running, 1, "Answers that are written together");
  add_count("--max-waiting", service.max_waiting, 0, "Requests that may wait");
  add_count("--context", service.max_context, 0,
            "Tokens of a prompt and its answer; 0: what the model and memory allow");
  add_count("--max-step-tokens", service.max_step_tokens, 0,
            "Tokens of a step of the engine; 0: as many as fit");
  add_count("--prompt-lookup-num-tokens", service.prompt_lookup_tokens, 0,
            "Draft so many tokens at a time by looking them up in the prompt; 0: off");
  add_size(command, environment, "--kv-memory", options.kv_memory,
           "For keys and values; default: a part of what is available");
  add_size(command, environment, "--state-memory", options.state_memory,
           "For states of lightning layers; default: as --max-running needs");
  add_size(command, environment, "--snapshot-memory", options.snapshot_memory,
           "For prefixes that later requests may share; 0: none");
  command
      .add_flag("--batch-invariant", service.batch_invariant,
                "Give a seeded request the same answer in any company")
      ->group(group);
}

std::vector<std::string> read_keys(const std::string& path) {
  if (path.empty()) {
    return {};
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    write_warning(fmt::format("{}: others can read it; chmod 600 keeps the keys secret", path));
  }
  std::istringstream lines(base::read_file(path, kMaxKeyFileBytes));
  std::vector<std::string> keys;
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty() && !line.starts_with('#')) {
      keys.push_back(line);
    }
  }
  if (keys.empty()) {
    throw UsageError(fmt::format("--api-key-file: expected a key in {}, found none", path));
  }
  return keys;
}

}  // namespace

void add_serve_options(CLI::App& command, Environment& environment, ServeOptions& options) {
  options.snapshot_memory = static_cast<std::uint64_t>(options.service.snapshot_bytes);
  add_network_options(command, environment, options);
  add_access_options(command, environment, options);
  add_engine_options(command, environment, options);
  command
      .add_option("--served-model-name", options.served_model_names,
                  "What clients call the model; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  environment.bind(
      command
          .add_option("--metrics-compat", options.metrics_compat, "Give /metrics these names, too")
          ->type_name("none|vllm")
          ->check(one_of({"none", "vllm"}))
          ->capture_default_str());
}

server::ApiOptions to_api_options(const ServeOptions& options) {
  std::vector<std::string> keys = options.api_keys;
  const std::vector<std::string> more = read_keys(options.api_key_file);
  keys.insert(keys.end(), more.begin(), more.end());
  server::ApiOptions api;
  api.keys = server::ApiKeys(keys);
  if (api.keys.is_empty() && !server::is_loopback(options.host) && !options.insecure) {
    throw UsageError(fmt::format("--host {}: others reach this address, and no key keeps them out",
                                 options.host),
                     "add --api-key-file FILE, or --insecure where that is meant");
  }
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    throw UsageError("--tls-cert and --tls-key: expected both or neither, found one");
  }
  api.allowed_hosts = options.allowed_hosts;
  api.cors_origins = options.cors_origins;
  api.metric_names = options.metrics_compat == "vllm" ? server::MetricNames::kOwnAndVllm
                                                      : server::MetricNames::kOwn;
  return api;
}

server::HttpOptions to_http_options(const ServeOptions& options) {
  server::HttpOptions http;
  http.address = options.host == "localhost" ? "127.0.0.1" : options.host;
  http.port = options.port;
  http.limits.body_bytes = options.max_body;
  http.certificate_file = options.tls_certificate;
  http.key_file = options.tls_key;
  return http;
}

serving::ServiceOptions to_service_options(const ServeOptions& options) {
  serving::ServiceOptions service = options.service;
  service.kv_bytes = static_cast<std::int64_t>(options.kv_memory);
  service.state_bytes = static_cast<std::int64_t>(options.state_memory);
  service.snapshot_bytes = static_cast<std::int64_t>(options.snapshot_memory);
  return service;
}

}  // namespace minimax::apps
