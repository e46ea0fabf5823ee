// SPDX-License-Identifier: Apache-2.0
// What a machine can hold of a model, and how fast it can be at most: roofs, not promises.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/loader.h"
#include "support/bench_report.h"
#include "support/work_estimate.h"

namespace minimax::apps {

struct MachineRoof {
  Roof roof = {};
  double file_gb_per_second = 0;     // of the files of the model
  std::int64_t available_bytes = 0;  // of memory
};

/// A model with its projections in one format.
struct SizedModel {
  std::string format;  // a name of quant/format.h, or "as stored"
  WorkModel work;      // its sizes
  PeakType peak = PeakType::kInt8;
};

struct Expectation {
  std::string format;
  std::int64_t weight_bytes = 0;
  /// Of the routed experts that fit in memory beside all else; absent where not even those of one
  /// layer do, or not all else.
  std::optional<double> resident_share;
  double decode_tokens_per_s = 0;  // behind `depth` tokens; the rest of the experts read from files
  double prefill_tokens_per_s = 0;  // of a prompt of 512 tokens, with all in memory
};

/// `other_bytes`: what states and the program take beside the weights.
Expectation expect_speed(const SizedModel& model, const MachineRoof& machine, std::int64_t depth,
                         std::int64_t other_bytes);

/// The model as it is stored, and with its projections in the usual formats.
std::vector<SizedModel> sized_models(const MiniMaxConfig& config,
                                     const model::ModelMeasure& measure);

/// Measures the machine for about two seconds.
MachineRoof measure_roof(int threads, const std::string& isa, const std::filesystem::path& file);

struct SpeedReport {
  MachineRoof machine;
  std::vector<Expectation> expectations;
};

base::Json to_json(const SpeedReport& report);
std::string to_text(const SpeedReport& report);

}  // namespace minimax::apps
