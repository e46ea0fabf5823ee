// SPDX-License-Identifier: Apache-2.0
#include "support/bench_report.h"

#include <fmt/format.h>

#include <algorithm>

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
  double percent_of_bandwidth = 0;
  double percent_of_peak = 0;
};

Figures figures(const BenchResult& result) {
  const auto tokens = static_cast<double>(result.tokens);
  const double seconds = median(result.seconds);
  Figures figures{.tokens_per_second = tokens / seconds,
                  .min = tokens / *std::ranges::max_element(result.seconds),
                  .max = tokens / *std::ranges::min_element(result.seconds),
                  .gb_per_second = result.bytes / seconds / 1e9,
                  .gflop_per_second = result.flops / seconds / 1e9};
  figures.percent_of_bandwidth = 100 * figures.gb_per_second / result.roof.read_gb_per_second;
  figures.percent_of_peak = 100 * figures.gflop_per_second / result.roof.peak_gflop_per_second;
  return figures;
}

}  // namespace

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

base::Json to_json(const BenchReport& report) {
  base::JsonArray results;
  for (const BenchResult& result : report.results) {
    const Figures row = figures(result);
    results.emplace_back(
        base::JsonObject{{"test", result.test},
                         {"tokens_per_second", row.tokens_per_second},
                         {"min", row.min},
                         {"max", row.max},
                         {"tokens", result.tokens},
                         {"repetitions", static_cast<std::int64_t>(result.seconds.size())},
                         {"gb_per_second", row.gb_per_second},
                         {"gflop_per_second", row.gflop_per_second},
                         {"machine_read_gb_per_second", result.roof.read_gb_per_second},
                         {"machine_peak_gflop_per_second", result.roof.peak_gflop_per_second},
                         {"percent_of_read_bandwidth", row.percent_of_bandwidth},
                         {"percent_of_peak", row.percent_of_peak}});
  }
  const MachineFigures& machine = report.machine;
  return base::JsonObject{
      {"version", kVersion},
      {"model", report.model},
      {"machine", base::JsonObject{{"processor", machine.processor},
                                   {"isa", machine.isa},
                                   {"threads", machine.threads},
                                   {"dtype", machine.dtype},
                                   {"read_gb_per_second", machine.roof.read_gb_per_second},
                                   {"peak_gflop_per_second", machine.roof.peak_gflop_per_second}}},
      {"results", std::move(results)}};
}

std::string to_text(const BenchReport& report) {
  const MachineFigures& machine = report.machine;
  std::string text = fmt::format(
      "{}\n{}, {}, {} threads: reads {:.1f} GB/s, calculates {:.0f} GFLOP/s in {}\n\n"
      "| {:<10} | {:>10} | {:>10} | {:>10} | {:>7} | {:>6} | {:>8} | {:>6} |\n"
      "|{:-<12}|{:->12}|{:->12}|{:->12}|{:->9}|{:->8}|{:->10}|{:->8}|\n",
      report.model, machine.processor, machine.isa, machine.threads,
      machine.roof.read_gb_per_second, machine.roof.peak_gflop_per_second, machine.dtype, "test",
      "tokens/s", "min", "max", "GB/s", "% roof", "GFLOP/s", "% peak", "", ":", ":", ":", ":", ":",
      ":", ":");
  for (const BenchResult& result : report.results) {
    const Figures row = figures(result);
    text += fmt::format(
        "| {:<10} | {:>10.2f} | {:>10.2f} | {:>10.2f} | {:>7.2f} | {:>6.1f} | {:>8.1f} | {:>6.1f} "
        "|\n",
        result.test, row.tokens_per_second, row.min, row.max, row.gb_per_second,
        row.percent_of_bandwidth, row.gflop_per_second, row.percent_of_peak);
  }
  return text;
}

}  // namespace minimax::apps
