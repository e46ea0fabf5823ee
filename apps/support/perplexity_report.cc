// SPDX-License-Identifier: Apache-2.0
#include "support/perplexity_report.h"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "minimax/version.h"

namespace minimax::apps {
namespace {

using engine::Divergence;
using engine::Estimate;

/// A row of the percentile columns: its key in JSON, its words, and the part of tokens below it.
struct Percentile {
  const char* key;
  const char* words;
  double fraction;
};

constexpr std::array kPercentiles = {
    Percentile{"max", "maximum", 1.0}, Percentile{"p99_9", "99.9 %", 0.999},
    Percentile{"p99", "99 %", 0.99},   Percentile{"p95", "95 %", 0.95},
    Percentile{"p90", "90 %", 0.9},    Percentile{"median", "median", 0.5},
    Percentile{"p10", "10 %", 0.1},    Percentile{"p5", "5 %", 0.05},
    Percentile{"p1", "1 %", 0.01},     Percentile{"p0_1", "0.1 %", 0.001},
    Percentile{"min", "minimum", 0.0},
};

base::JsonObject to_json(const Estimate& estimate) {
  return {{"value", estimate.value}, {"error", estimate.error}};
}

base::JsonObject with_percentiles(base::JsonObject json, const std::vector<double>& sorted) {
  for (const Percentile& percentile : kPercentiles) {
    json.emplace_back(percentile.key, engine::quantile(sorted, percentile.fraction));
  }
  return json;
}

base::JsonObject to_json(const Divergence& divergence, const std::string& base) {
  base::JsonObject kl = {{"mean", to_json(divergence.kl)}};
  base::JsonObject change = {{"mean", to_json(divergence.probability_change)},
                             {"rms", divergence.probability_rms}};
  return {{"name", base},
          {"perplexity", to_json(divergence.base_perplexity)},
          {"log_perplexity_ratio", to_json(divergence.log_ratio)},
          {"perplexity_ratio", to_json(divergence.ratio)},
          {"perplexity_difference", to_json(divergence.difference)},
          {"correlation", divergence.correlation},
          {"top_token_agreement", to_json(divergence.same_top)},
          {"kl_divergence", with_percentiles(std::move(kl), divergence.kl_sorted)},
          {"probability_change", with_percentiles(std::move(change), divergence.changes_sorted)}};
}

std::string line(const char* name, const Estimate& estimate, int digits) {
  return fmt::format("{:<32} {:.{}f} +- {:.{}f}\n", name, estimate.value, digits, estimate.error,
                     digits);
}

Estimate percent(const Estimate& estimate) {
  return {.value = 100 * estimate.value, .error = 100 * estimate.error};
}

std::string to_text(const Divergence& divergence, const std::string& base) {
  std::string text = fmt::format("\nagainst {}\n", base);
  text += line("perplexity of the base", divergence.base_perplexity, 4);
  text += line("ratio of perplexities", divergence.ratio, 5);
  text += line("difference of perplexities", divergence.difference, 5);
  text += fmt::format("{:<32} {:.3f} %\n", "correlation", 100 * divergence.correlation);
  text += line("KL divergence", divergence.kl, 6);
  text += line("same most probable token, %", percent(divergence.same_top), 3);
  text += line("change of the probability, %", percent(divergence.probability_change), 3);
  text +=
      fmt::format("{:<32} {:.3f} %\n\n", "  root mean square", 100 * divergence.probability_rms);
  text += fmt::format("| {:<9} | {:>13} | {:>11} |\n|{:-<11}|{:->15}|{:->13}|\n", "of tokens",
                      "KL divergence", "change, %", "", ":", ":");
  for (const Percentile& percentile : kPercentiles) {
    text += fmt::format("| {:<9} | {:>13.6f} | {:>11.3f} |\n", percentile.words,
                        engine::quantile(divergence.kl_sorted, percentile.fraction),
                        100 * engine::quantile(divergence.changes_sorted, percentile.fraction));
  }
  return text;
}

}  // namespace

base::Json to_json(const PerplexityReport& report) {
  const engine::WindowOptions& options = report.options;
  base::JsonObject json = {
      {"version", kVersion},
      {"model", report.model},
      {"text", report.text},
      {"text_tokens", report.text_tokens},
      {"context", options.context},
      {"stride", options.stride},
      {"bos_token_id", options.bos ? base::Json(std::int64_t{*options.bos}) : base::Json()},
      {"windows", report.windows},
      {"judged_tokens", report.judged_tokens},
      {"seconds", report.seconds},
      {"negative_log_likelihood", to_json(report.nll)},
      {"perplexity", to_json(engine::perplexity_of(report.nll))}};
  if (report.divergence) {
    json.emplace_back("base", to_json(*report.divergence, report.base));
  }
  return json;
}

std::string to_text(const PerplexityReport& report) {
  const engine::WindowOptions& options = report.options;
  std::string text = fmt::format(
      "{}\n{}: {} tokens, {} windows of {}{}, {} tokens judged in {:.1f} s\n", report.model,
      report.text, report.text_tokens, report.windows, options.context + options.stride / 2,
      options.stride > 0 ? fmt::format(" every {}", options.stride) : "", report.judged_tokens,
      report.seconds);
  text += line("perplexity", engine::perplexity_of(report.nll), 4);
  if (report.divergence) {
    text += to_text(*report.divergence, report.base);
  }
  return text;
}

}  // namespace minimax::apps
