// SPDX-License-Identifier: Apache-2.0
// The results of `minimax bench`, as a table and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/profile_report.h"

namespace minimax::apps {

/// The arithmetic of a model's projections, which its peak is that of.
enum class PeakType { kFloat32, kBFloat16, kInt8 };

/// What the machine can do at most, measured in the same run.
struct Roof {
  double read_gb_per_second = 0;
  double float32_gflop_per_second = 0;
  double bfloat16_gflop_per_second = 0;
  double int8_gop_per_second = 0;

  double peak(PeakType type) const;
};

struct MachineFigures {
  std::string processor;
  std::string isa;
  int threads = 0;
  std::optional<Roof> roof = {};
};

struct BenchResult {
  std::string test;             // "pp512", "tg@512" or, of eight sequences, "tg@512x8"
  std::vector<double> seconds;  // of each repetition
  std::int64_t sequences = 1;
  std::int64_t tokens = 0;  // of one repetition, of all sequences
  double experts = 0;       // of a layer that were read for a step, on average; 0: not counted
  double bytes = 0;         // of one repetition
  double flops = 0;         // of one repetition
  std::optional<Roof> roof = {};         // measured right before and right after
  std::vector<ProfiledPart> parts = {};  // of one step; empty: not asked for
};

struct BenchReport {
  std::string model;
  PeakType arithmetic = PeakType::kFloat32;
  std::int64_t weight_bytes = 0;
  std::int64_t state_bytes = 0;  // of the largest states of a test
  double load_seconds = 0;
  double upload_gb_per_second = 0;     // that the link to a GPU can do; 0: not measured
  std::int64_t peak_memory_bytes = 0;  // of the process, whatever it measured besides
  MachineFigures machine;
  std::vector<BenchResult> results;
};

/// The middle value, or the mean of the two in the middle. Requires: not empty.
double median(std::vector<double> values);

base::Json to_json(const MachineFigures& machine);
std::string to_text(const MachineFigures& machine);
base::Json to_json(const BenchReport& report);
std::string to_text(const BenchReport& report);

}  // namespace minimax::apps
