// SPDX-License-Identifier: Apache-2.0
// What the server counts, and the text in which Prometheus reads it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "serving/request.h"
#include "serving/status.h"

namespace minimax::server {

/// Counts of values up to fixed bounds.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);

  void add(double value);
  /// The lines of the exposition format. `name` is the whole name, `labels` is `model_name="m"`.
  std::string text(const std::string& name, const std::string& labels) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::int64_t> counts_;  // one more: above all bounds
  double sum_ = 0.0;
};

enum class MetricNames { kOwn, kOwnAndVllm };

/// Counts what happens to requests. Thread safety: all members may be called from any thread.
class Metrics {
 public:
  Metrics();

  /// A response was sent.
  void count_response(const std::string& route, int status);
  /// The first token of an answer came `seconds` after the request.
  void add_first_token(double seconds);
  /// Tokens came `seconds` after those before.
  void add_tokens(double seconds, std::int64_t tokens);
  /// A request ended `seconds` after it came. `reason` is "stop", "length", "cancelled" or "error".
  void add_finished(const std::string& reason, double seconds, const serving::Usage& usage);

  /// The exposition text. `model` is the label model_name.
  std::string text(const std::string& model, const serving::ServiceStatus& status,
                   MetricNames names) const;

 private:
  std::string histograms(const std::string& prefix, const std::string& labels) const;
  std::string own(const std::string& labels, const serving::ServiceStatus& status) const;
  std::string vllm(const std::string& labels, const serving::ServiceStatus& status) const;
  std::string finished(const std::string& prefix, const std::string& labels) const;

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> responses_;
  std::map<std::string, std::int64_t> finished_;
  Histogram first_token_;
  Histogram inter_token_;
  Histogram request_;
  Histogram queue_;
  Histogram prefill_;
  Histogram decode_;
  Histogram prompt_tokens_;
  Histogram generated_tokens_;
};

}  // namespace minimax::server
