// SPDX-License-Identifier: Apache-2.0
#include "support/bench_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/memory.h"
#include "minimax/version.h"
#include "support/bench_report.h"

namespace minimax::apps {

double LoadTimes::gb_per_second() const {
  return static_cast<double>(weight_bytes) / median(seconds) * 1e-9;
}

double LoadTimes::percent_of_upload() const {
  return upload_gb_per_second > 0 ? 100 * gb_per_second() / upload_gb_per_second : 0;
}

LoadTimes time_loading(std::int64_t repetitions, const std::function<std::int64_t()>& load,
                       const std::function<void()>& drop) {
  LoadTimes times;
  times.weight_bytes = load();
  drop();
  for (std::int64_t i = 0; i < repetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    times.weight_bytes = load();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    times.seconds.push_back(seconds.count());
    drop();
  }
  return times;
}

base::Json to_json(const LoadTimes& times) {
  return base::JsonObject{{"version", kVersion},
                          {"model", times.model},
                          {"weight_bytes", times.weight_bytes},
                          {"seconds", base::JsonArray(times.seconds.begin(), times.seconds.end())},
                          {"gb_per_second", times.gb_per_second()},
                          {"upload_gb_per_second", times.upload_gb_per_second},
                          {"percent_of_upload", times.percent_of_upload()}};
}

std::string to_text(const LoadTimes& times) {
  std::string text =
      fmt::format("{}\n{} loaded in {:.3f} s ({:.3f} to {:.3f}, {} times): {:.1f} GB/s",
                  times.model, base::format_bytes(times.weight_bytes), median(times.seconds),
                  std::ranges::min(times.seconds), std::ranges::max(times.seconds),
                  times.seconds.size(), times.gb_per_second());
  if (times.upload_gb_per_second > 0) {
    text += fmt::format(", {:.0f} % of a pinned copy at {:.1f} GB/s", times.percent_of_upload(),
                        times.upload_gb_per_second);
  }
  return text + "\n";
}

}  // namespace minimax::apps
