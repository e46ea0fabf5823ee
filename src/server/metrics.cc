// SPDX-License-Identifier: Apache-2.0
#include "server/metrics.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "minimax/version.h"

namespace minimax::server {
namespace {

const std::vector<double>& second_bounds() {
  static const std::vector<double> kBounds = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                              0.25,  0.5,   0.75, 1.0,  2.5,  5.0,  7.5,  10,
                                              20,    40,    80,   160,  640,  2560};
  return kBounds;
}

const std::vector<double>& token_bounds() {
  static const std::vector<double> kBounds = {1,     2,      5,      10,     20,     50,    100,
                                              200,   500,    1000,   2000,   5000,   10000, 20000,
                                              50000, 100000, 200000, 500000, 1000000};
  return kBounds;
}

struct Metric {
  const char* name;
  const char* type;
  const char* help;
  double value;
};

std::string header(const std::string& name, const char* type, const char* help) {
  return fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

std::string lines(const std::string& prefix, const std::string& labels,
                  const std::vector<Metric>& metrics) {
  std::string out;
  for (const Metric& each : metrics) {
    const std::string name = prefix + each.name;
    out += header(name, each.type, each.help);
    out += fmt::format("{}{{{}}} {}\n", name, labels, each.value);
  }
  return out;
}

double share(std::int64_t used, std::int64_t budget) {
  return budget == 0 ? 0.0 : static_cast<double>(used) / static_cast<double>(budget);
}

double count(std::int64_t value) { return static_cast<double>(value); }

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0;
  std::int64_t resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string process_lines() {
  return header("process_resident_memory_bytes", "gauge", "Resident memory.") +
         fmt::format("process_resident_memory_bytes {}\n", resident_bytes()) +
         header("process_cpu_seconds_total", "counter", "User and system time.") +
         fmt::format("process_cpu_seconds_total {}\n", cpu_seconds()) +
         header("minimax_build_info", "gauge", "The version of the program.") +
         fmt::format("minimax_build_info{{version=\"{}\"}} 1\n", kVersion);
}

std::string label_value(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += c == '\\' || c == '"' ? fmt::format("\\{}", c) : std::string(1, c == '\n' ? ' ' : c);
  }
  return out;
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::add(double value) {
  const auto it = std::ranges::lower_bound(bounds_, value);
  ++counts_[static_cast<std::size_t>(it - bounds_.begin())];
  sum_ += value;
}

std::string Histogram::text(const std::string& name, const std::string& labels) const {
  std::string out;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    total += counts_[i];
    const std::string bound = i < bounds_.size() ? fmt::format("{}", bounds_[i]) : "+Inf";
    out += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bound, total);
  }
  return out + fmt::format("{}_sum{{{}}} {}\n{}_count{{{}}} {}\n", name, labels, sum_, name, labels,
                           total);
}

Metrics::Metrics()
    : first_token_(second_bounds()),
      inter_token_(second_bounds()),
      request_(second_bounds()),
      queue_(second_bounds()),
      prefill_(second_bounds()),
      decode_(second_bounds()),
      prompt_tokens_(token_bounds()),
      generated_tokens_(token_bounds()) {}

void Metrics::count_response(const std::string& route, int status) {
  const std::scoped_lock lock(mutex_);
  ++responses_[{route, status}];
}

void Metrics::add_first_token(double seconds) {
  const std::scoped_lock lock(mutex_);
  first_token_.add(seconds);
}

void Metrics::add_tokens(double seconds, std::int64_t tokens) {
  const std::scoped_lock lock(mutex_);
  for (std::int64_t i = 0; i < tokens; ++i) {
    inter_token_.add(seconds / static_cast<double>(tokens));
  }
}

void Metrics::add_finished(const std::string& reason, double seconds, const serving::Usage& usage) {
  const std::scoped_lock lock(mutex_);
  ++finished_[reason];
  request_.add(seconds);
  queue_.add(usage.queue_seconds);
  prefill_.add(usage.prefill_seconds);
  decode_.add(usage.decode_seconds);
  prompt_tokens_.add(count(usage.prompt_tokens));
  generated_tokens_.add(count(usage.completion_tokens));
}

std::string Metrics::finished(const std::string& prefix, const std::string& labels) const {
  const std::string name = prefix + "request_success_total";
  std::string out = header(name, "counter", "Requests that ended, by why.");
  for (const auto& [reason, number] : finished_) {
    out += fmt::format("{}{{{},finished_reason=\"{}\"}} {}\n", name, labels, reason, number);
  }
  return out;
}

std::string Metrics::histograms(const std::string& prefix, const std::string& labels) const {
  struct Named {
    const char* name;
    const char* help;
    const Histogram* histogram;
  };
  const Named all[] = {
      {"time_to_first_token_seconds", "From the request to its first token.", &first_token_},
      {"inter_token_latency_seconds", "From one token to the next.", &inter_token_},
      {"e2e_request_latency_seconds", "From the request to its end.", &request_},
      {"request_queue_time_seconds", "Until a request was let in.", &queue_},
      {"request_prefill_time_seconds", "From then on to the first token.", &prefill_},
      {"request_decode_time_seconds", "From then on to the end.", &decode_},
      {"request_prompt_tokens", "Tokens of a prompt.", &prompt_tokens_},
      {"request_generation_tokens", "Tokens of the answers to a prompt.", &generated_tokens_}};
  std::string out;
  for (const Named& each : all) {
    const std::string name = prefix + each.name;
    out += header(name, "histogram", each.help) + each.histogram->text(name, labels);
  }
  return out;
}

std::string Metrics::own(const std::string& labels, const serving::ServiceStatus& status) const {
  const serving::ServiceCounters& counters = status.counters;
  std::string out = lines(
      "minimax_", labels,
      {{"sequences_running", "gauge", "Sequences that run.", count(status.running)},
       {"requests_waiting", "gauge", "Requests that wait.", count(status.waiting)},
       {"requests_displaced", "gauge", "Requests that wait to go on.", count(status.displaced)},
       {"slots", "gauge", "Sequences that can run together.", count(status.slots)},
       {"kv_bytes", "gauge", "Keys and values in use.", count(status.kv_bytes)},
       {"kv_usage_ratio", "gauge", "Of the budget.",
        share(status.kv_bytes, status.kv_budget_bytes)},
       {"state_bytes", "gauge", "States in use.", count(status.state_bytes)},
       {"snapshots", "gauge", "Snapshots of prefixes.", count(status.snapshots)},
       {"snapshot_bytes", "gauge", "Memory of snapshots.", count(status.snapshot_bytes)},
       {"generated_tokens_per_second", "gauge", "Lately.", status.generated_tokens_per_second},
       {"prompt_tokens_per_second", "gauge", "Lately.", status.prompt_tokens_per_second},
       {"requests_total", "counter", "Requests accepted.", count(counters.requests)},
       {"requests_refused_total", "counter", "For lack of room.", count(counters.refused)},
       {"requests_cancelled_total", "counter", "By their clients.", count(counters.cancelled)},
       {"requests_failed_total", "counter", "With an error.", count(counters.failed)},
       {"steps_total", "counter", "Steps of the engine.", count(counters.steps)},
       {"prompt_tokens_total", "counter", "Of requests.", count(counters.prompt_tokens)},
       {"prompt_tokens_cached_total", "counter", "Not computed.", count(counters.cached_tokens)},
       {"prompt_tokens_computed_total", "counter", "Computed.", count(counters.computed_tokens)},
       {"generation_tokens_total", "counter", "Chosen.", count(counters.generated_tokens)},
       {"preemptions_total", "counter", "Requests displaced.", count(counters.preemptions)},
       {"draft_tokens_total", "counter", "Candidates.", count(counters.drafted_tokens)},
       {"draft_tokens_accepted_total", "counter", "Of these.", count(counters.accepted_tokens)}});
  out += finished("minimax_", labels) + histograms("minimax_", labels);
  out += header("minimax_http_responses_total", "counter", "Responses by route and status.");
  for (const auto& [key, number] : responses_) {
    out += fmt::format("minimax_http_responses_total{{route=\"{}\",status=\"{}\"}} {}\n", key.first,
                       key.second, number);
  }
  return out;
}

std::string Metrics::vllm(const std::string& labels, const serving::ServiceStatus& status) const {
  const serving::ServiceCounters& counters = status.counters;
  return lines("vllm:", labels,
               {{"num_requests_running", "gauge", "Running.", count(status.running)},
                {"num_requests_waiting", "gauge", "Waiting.", count(status.waiting)},
                {"kv_cache_usage_perc", "gauge", "From 0 to 1.",
                 share(status.kv_bytes, status.kv_budget_bytes)},
                {"prefix_cache_queries_total", "counter", "Tokens.", count(counters.prompt_tokens)},
                {"prefix_cache_hits_total", "counter", "Tokens.", count(counters.cached_tokens)},
                {"prompt_tokens_total", "counter", "Tokens.", count(counters.prompt_tokens)},
                {"generation_tokens_total", "counter", "Tokens.", count(counters.generated_tokens)},
                {"num_preemptions_total", "counter", "Requests.", count(counters.preemptions)}}) +
         finished("vllm:", labels) + histograms("vllm:", labels);
}

std::string Metrics::text(const std::string& model, const serving::ServiceStatus& status,
                          MetricNames names) const {
  const std::string labels = fmt::format("model_name=\"{}\"", label_value(model));
  const std::scoped_lock lock(mutex_);
  return own(labels, status) + (names == MetricNames::kOwnAndVllm ? vllm(labels, status) : "") +
         process_lines();
}

}  // namespace minimax::server
