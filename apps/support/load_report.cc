// SPDX-License-Identifier: Apache-2.0
#include "support/load_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "minimax/version.h"

namespace minimax::apps {
namespace {

constexpr std::size_t kMaxErrors = 5;

base::Json to_json(const Distribution& values) {
  return base::JsonObject{{"mean", values.mean},
                          {"p50", values.p50},
                          {"p90", values.p90},
                          {"p99", values.p99},
                          {"max", values.max}};
}

std::string row(const char* name, const Distribution& values) {
  constexpr double kMilliseconds = 1e3;
  return fmt::format("| {:<20} | {:>9.2f} | {:>9.2f} | {:>9.2f} | {:>9.2f} | {:>9.2f} |\n", name,
                     kMilliseconds * values.mean, kMilliseconds * values.p50,
                     kMilliseconds * values.p90, kMilliseconds * values.p99,
                     kMilliseconds * values.max);
}

double per_second(std::int64_t count, const LoadReport& report) {
  return report.seconds > 0 ? static_cast<double>(count) / report.seconds : 0;
}

void note_error(LoadReport& report, const std::string& error) {
  ++report.failed;
  if (report.errors.size() < kMaxErrors &&
      std::ranges::find(report.errors, error) == report.errors.end()) {
    report.errors.push_back(error);
  }
}

}  // namespace

Distribution distribution(std::vector<double> values) {
  if (values.empty()) {
    return {};
  }
  std::ranges::sort(values);
  const auto count = static_cast<double>(values.size());
  const auto percentile = [&](double share) {
    return values[static_cast<std::size_t>(std::max(std::ceil(share * count), 1.0)) - 1];
  };
  return {.mean = std::accumulate(values.begin(), values.end(), 0.0) / count,
          .p50 = percentile(0.5),
          .p90 = percentile(0.9),
          .p99 = percentile(0.99),
          .max = values.back()};
}

LoadReport summarize(const LoadPlan& plan, std::span<const RequestTimes> requests) {
  LoadReport report;
  std::vector<double> first;
  std::vector<double> between;
  std::vector<double> whole;
  double end = 0;
  for (const RequestTimes& request : requests) {
    end = std::max(end, request.end);
    if (!request.error.empty()) {
      note_error(report, request.error);
      continue;
    }
    ++report.completed;
    report.prompt_tokens += plan.prompt_tokens;
    report.cached_tokens += request.cached_tokens;
    report.output_tokens += request.output_tokens;
    whole.push_back(request.end - request.begin);
    for (std::size_t i = 0; i < request.pieces.size(); ++i) {
      (i == 0 ? first : between)
          .push_back(request.pieces[i] - (i == 0 ? request.begin : request.pieces[i - 1]));
    }
  }
  report.seconds = requests.empty() ? 0 : end - requests.front().begin;
  report.time_to_first_token = distribution(std::move(first));
  report.time_between_tokens = distribution(std::move(between));
  report.latency = distribution(std::move(whole));
  return report;
}

base::Json to_json(const LoadReport& report) {
  return base::JsonObject{{"version", kVersion},
                          {"completed", report.completed},
                          {"failed", report.failed},
                          {"seconds", report.seconds},
                          {"requests_per_second", per_second(report.completed, report)},
                          {"prompt_tokens", report.prompt_tokens},
                          {"cached_tokens", report.cached_tokens},
                          {"output_tokens", report.output_tokens},
                          {"output_tokens_per_second", per_second(report.output_tokens, report)},
                          {"time_to_first_token_seconds", to_json(report.time_to_first_token)},
                          {"time_between_tokens_seconds", to_json(report.time_between_tokens)},
                          {"latency_seconds", to_json(report.latency)},
                          {"errors", base::JsonArray(report.errors.begin(), report.errors.end())}};
}

std::string to_text(const LoadReport& report) {
  std::string text = fmt::format(
      "{} requests answered, {} failed, in {:.2f} s: {:.2f} requests/s, {:.1f} output tokens/s\n"
      "{} tokens of prompts, of which {} were in the cache; {} tokens of answers\n\n"
      "| milliseconds         |      mean |       p50 |       p90 |       p99 |       max |\n"
      "|----------------------|----------:|----------:|----------:|----------:|----------:|\n",
      report.completed, report.failed, report.seconds, per_second(report.completed, report),
      per_second(report.output_tokens, report), report.prompt_tokens, report.cached_tokens,
      report.output_tokens);
  text += row("time to first token", report.time_to_first_token);
  text += row("time between tokens", report.time_between_tokens);
  text += row("latency", report.latency);
  for (const std::string& error : report.errors) {
    text += "error: " + error + "\n";
  }
  return text;
}

}  // namespace minimax::apps
