// SPDX-License-Identifier: Apache-2.0
// How fast a model gets into memory, beside what the link to a GPU can do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"

namespace minimax::apps {

struct LoadTimes {
  std::string model;
  std::int64_t weight_bytes = 0;
  std::vector<double> seconds;      // of each repetition, until the model can run
  double upload_gb_per_second = 0;  // a copy from pinned memory in the same run; 0: no GPU

  /// Of the median.
  double gb_per_second() const;
  double percent_of_upload() const;
};

/// Loads it `repetitions` times after one to warm up, which brings the files into memory, and drops
/// it each time, which does not count. load() returns the bytes of the weights.
LoadTimes time_loading(std::int64_t repetitions, const std::function<std::int64_t()>& load,
                       const std::function<void()>& drop);

base::Json to_json(const LoadTimes& times);
std::string to_text(const LoadTimes& times);

}  // namespace minimax::apps
