// SPDX-License-Identifier: Apache-2.0
// The results of `minimax bench`, as a table and as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace minimax::apps {

/// What the machine can do at most, measured in the same run.
struct Roof {
  double read_gb_per_second = 0;
  double peak_gflop_per_second = 0;  // in the type of the model's arithmetic
};

struct MachineFigures {
  std::string processor;
  std::string isa;
  std::string dtype;  // of the model's arithmetic
  int threads = 0;
  Roof roof;
};

struct BenchResult {
  std::string test;             // "pp512" or "tg@512"
  std::vector<double> seconds;  // of each repetition
  std::int64_t tokens = 0;      // of one repetition
  double bytes = 0;             // of one repetition
  double flops = 0;             // of one repetition
  Roof roof;                    // measured right before and right after
};

struct BenchReport {
  std::string model;
  MachineFigures machine;
  std::vector<BenchResult> results;
};

/// The middle value, or the mean of the two in the middle. Requires: not empty.
double median(std::vector<double> values);

base::Json to_json(const BenchReport& report);
std::string to_text(const BenchReport& report);

}  // namespace minimax::apps
