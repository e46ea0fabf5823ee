// SPDX-License-Identifier: Apache-2.0
#include "support/bench_machine.h"

#include <fstream>

#include "cpu/machine.h"
#include "cpu/thread_pool.h"

namespace minimax::apps {
namespace {

// The name in /proc/cpuinfo, or "unknown processor".
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown processor";
}

Roof roof_of(const cpu::MachineLimits& limits, ComputeType dtype) {
  constexpr double kGiga = 1e9;
  const double flops =
      dtype == ComputeType::kBFloat16 ? limits.bfloat16_flops : limits.float32_flops;
  return {.read_gb_per_second = limits.read_bytes_per_s / kGiga,
          .peak_gflop_per_second = flops / kGiga};
}

double median_of(const std::vector<Roof>& measured, double Roof::* field) {
  std::vector<double> values;
  values.reserve(measured.size());
  for (const Roof& roof : measured) {
    values.push_back(roof.*field);
  }
  return median(values);
}

}  // namespace

MachineMeter::MachineMeter(int threads, const std::string& isa, ComputeType dtype)
    : threads_(threads),
      isa_(isa.empty() ? cpu::detect_isa() : cpu::isa_from_name(isa).value_or(cpu::detect_isa())),
      dtype_(dtype) {}

Roof MachineMeter::measure() {
  // A pool of its own, gone before the model runs: waiting threads would take turns with it.
  cpu::ThreadPool pool(threads_);
  measured_.push_back(roof_of(cpu::measure_machine(pool, isa_), dtype_));
  const Roof& after = measured_.back();
  const Roof& before = measured_.size() > 1 ? measured_[measured_.size() - 2] : after;
  return {
      .read_gb_per_second = (before.read_gb_per_second + after.read_gb_per_second) / 2,
      .peak_gflop_per_second = (before.peak_gflop_per_second + after.peak_gflop_per_second) / 2};
}

MachineFigures MachineMeter::figures() const {
  return {.processor = processor_name(),
          .isa = std::string(cpu::isa_name(isa_)),
          .dtype = dtype_ == ComputeType::kBFloat16 ? "bfloat16" : "float32",
          .threads = threads_,
          .roof = {.read_gb_per_second = median_of(measured_, &Roof::read_gb_per_second),
                   .peak_gflop_per_second = median_of(measured_, &Roof::peak_gflop_per_second)}};
}

}  // namespace minimax::apps
