// SPDX-License-Identifier: Apache-2.0
#include "support/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/memory.h"
#include "minimax/version.h"

namespace minimax::apps {
namespace {

/// The figures of one row of the table.
struct Figures {
  double tokens_per_second = 0;  // median
  double min = 0;
  double max = 0;
  double gb_per_second = 0;
  double gflop_per_second = 0;
  std::optional<double> percent_of_bandwidth = {};
  std::optional<double> percent_of_peak = {};
};

Figures figures(const BenchResult& result, PeakType arithmetic) {
  const auto tokens = static_cast<double>(result.tokens);
  const double seconds = median(result.seconds);
  Figures figures{.tokens_per_second = tokens / seconds,
                  .min = tokens / *std::ranges::max_element(result.seconds),
                  .max = tokens / *std::ranges::min_element(result.seconds),
                  .gb_per_second = result.bytes / seconds / 1e9,
                  .gflop_per_second = result.flops / seconds / 1e9};
  if (result.roof) {
    figures.percent_of_bandwidth = 100 * figures.gb_per_second / result.roof->read_gb_per_second;
    figures.percent_of_peak = 100 * figures.gflop_per_second / result.roof->peak(arithmetic);
  }
  return figures;
}

const char* name_of(PeakType type) {
  switch (type) {
    case PeakType::kInt8:
      return "int8";
    case PeakType::kBFloat16:
      return "bfloat16";
    case PeakType::kFloat32:
      break;
  }
  return "float32";
}

base::Json or_null(const std::optional<double>& value) {
  return value ? base::Json(*value) : base::Json();
}

std::string or_dash(const std::optional<double>& value) {
  return value ? fmt::format("{:.1f}", *value) : "-";
}

ProfileRoof roof_of(const BenchResult& result, PeakType arithmetic) {
  return result.roof ? ProfileRoof{.bytes_per_second = result.roof->read_gb_per_second * 1e9,
                                   .flops = result.roof->peak(arithmetic) * 1e9}
                     : ProfileRoof{};
}

base::JsonObject to_json(const BenchResult& result, PeakType arithmetic) {
  const Figures row = figures(result, arithmetic);
  base::JsonArray seconds(result.seconds.begin(), result.seconds.end());
  base::JsonObject json = {{"test", result.test},
                           {"tokens_per_second", row.tokens_per_second},
                           {"min", row.min},
                           {"max", row.max},
                           {"sequences", result.sequences},
                           {"tokens", result.tokens},
                           {"repetitions", static_cast<std::int64_t>(result.seconds.size())},
                           {"seconds", std::move(seconds)},
                           {"bytes", result.bytes},
                           {"gb_per_second", row.gb_per_second},
                           {"gflop_per_second", row.gflop_per_second}};
  if (result.experts > 0) {
    json.emplace_back("experts_read", result.experts);
  }
  if (result.roof) {
    json.emplace_back("machine_read_gb_per_second", result.roof->read_gb_per_second);
    json.emplace_back("machine_peak_gflop_per_second", result.roof->peak(arithmetic));
  }
  if (!result.parts.empty()) {
    json.emplace_back("parts", profile_json(result.parts, roof_of(result, arithmetic)));
  }
  json.emplace_back("percent_of_read_bandwidth", or_null(row.percent_of_bandwidth));
  json.emplace_back("percent_of_peak", or_null(row.percent_of_peak));
  return json;
}

}  // namespace

double Roof::peak(PeakType type) const {
  switch (type) {
    case PeakType::kInt8:
      return int8_gop_per_second;
    case PeakType::kBFloat16:
      return bfloat16_gflop_per_second;
    case PeakType::kFloat32:
      break;
  }
  return float32_gflop_per_second;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

base::Json to_json(const MachineFigures& machine) {
  base::JsonObject json = {
      {"processor", machine.processor}, {"isa", machine.isa}, {"threads", machine.threads}};
  if (machine.roof) {
    json.emplace_back("read_gb_per_second", machine.roof->read_gb_per_second);
    json.emplace_back("float32_gflop_per_second", machine.roof->float32_gflop_per_second);
    json.emplace_back("bfloat16_gflop_per_second", machine.roof->bfloat16_gflop_per_second);
    json.emplace_back("int8_gop_per_second", machine.roof->int8_gop_per_second);
  }
  return json;
}

std::string to_text(const MachineFigures& machine) {
  std::string text =
      fmt::format("{}, {}, {} threads", machine.processor, machine.isa, machine.threads);
  if (machine.roof) {
    text += fmt::format(
        ": reads {:.1f} GB/s, calculates {:.0f} GFLOP/s in float32, {:.0f} in bfloat16, {:.0f} "
        "GOP/s in int8",
        machine.roof->read_gb_per_second, machine.roof->float32_gflop_per_second,
        machine.roof->bfloat16_gflop_per_second, machine.roof->int8_gop_per_second);
  }
  return text + "\n";
}

base::Json to_json(const BenchReport& report) {
  base::JsonArray results;
  for (const BenchResult& result : report.results) {
    results.emplace_back(to_json(result, report.arithmetic));
  }
  return base::JsonObject{{"version", kVersion},
                          {"model", report.model},
                          {"arithmetic", name_of(report.arithmetic)},
                          {"weight_bytes", report.weight_bytes},
                          {"state_bytes", report.state_bytes},
                          {"load_seconds", report.load_seconds},
                          {"upload_gb_per_second", report.upload_gb_per_second},
                          {"peak_memory_bytes", report.peak_memory_bytes},
                          {"machine", to_json(report.machine)},
                          {"results", std::move(results)}};
}

namespace {

// "loaded in 2.00 s", and on a GPU how near that is to what its link can do.
std::string loading_text(const BenchReport& report) {
  std::string text = fmt::format("loaded in {:.2f} s", report.load_seconds);
  if (report.upload_gb_per_second > 0) {
    const double rate = static_cast<double>(report.weight_bytes) / report.load_seconds * 1e-9;
    text += fmt::format(", {:.1f} GB/s, {:.0f} % of a pinned copy", rate,
                        100 * rate / report.upload_gb_per_second);
  }
  return text;
}

}  // namespace

std::string to_text(const BenchReport& report) {
  std::string text = fmt::format(
      "{}\n{}{}; weights {}, states {}; arithmetic in {}\n\n"
      "| {:<11} | {:>10} | {:>10} | {:>10} | {:>7} | {:>6} | {:>8} | {:>6} |\n"
      "|{:-<13}|{:->12}|{:->12}|{:->12}|{:->9}|{:->8}|{:->10}|{:->8}|\n",
      report.model, to_text(report.machine), loading_text(report),
      base::format_bytes(report.weight_bytes), base::format_bytes(report.state_bytes),
      name_of(report.arithmetic), "test", "tokens/s", "min", "max", "GB/s", "% roof", "GFLOP/s",
      "% peak", "", ":", ":", ":", ":", ":", ":", ":");
  for (const BenchResult& result : report.results) {
    const Figures row = figures(result, report.arithmetic);
    text += fmt::format(
        "| {:<11} | {:>10.2f} | {:>10.2f} | {:>10.2f} | {:>7.2f} | {:>6} | {:>8.1f} | {:>6} |\n",
        result.test, row.tokens_per_second, row.min, row.max, row.gb_per_second,
        or_dash(row.percent_of_bandwidth), row.gflop_per_second, or_dash(row.percent_of_peak));
  }
  for (const BenchResult& result : report.results) {
    if (!result.parts.empty()) {
      text += fmt::format("\nA step of {}\n{}", result.test,
                          profile_text(result.parts, roof_of(result, report.arithmetic)));
    }
  }
  return text;
}

}  // namespace minimax::apps
