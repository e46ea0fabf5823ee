// SPDX-License-Identifier: Apache-2.0
#include "support/bench_machine.h"

#include <fstream>

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

double median_of(const std::vector<cpu::MachineLimits>& measured,
                 double cpu::MachineLimits::* field) {
  std::vector<double> values;
  for (const cpu::MachineLimits& limits : measured) {
    values.push_back(limits.*field);
  }
  return median(values);
}

}  // namespace

MachineMeter::MachineMeter(int threads, const std::string& isa, ComputeType dtype)
    : threads_(threads),
      isa_(isa.empty() ? cpu::detect_isa() : cpu::isa_from_name(isa).value_or(cpu::detect_isa())),
      dtype_(dtype) {}

void MachineMeter::measure() {
  // A pool of its own, gone before the model runs: waiting threads would take turns with it.
  cpu::ThreadPool pool(threads_);
  measured_.push_back(cpu::measure_machine(pool, isa_));
}

MachineFigures MachineMeter::figures() const {
  constexpr double kGiga = 1e9;
  return {
      .processor = processor_name(),
      .isa = std::string(cpu::isa_name(isa_)),
      .dtype = dtype_ == ComputeType::kBFloat16 ? "bfloat16" : "float32",
      .threads = threads_,
      .read_gb_per_second = median_of(measured_, &cpu::MachineLimits::read_bytes_per_s) / kGiga,
      .float32_gflop_per_second = median_of(measured_, &cpu::MachineLimits::float32_flops) / kGiga,
      .bfloat16_gflop_per_second =
          median_of(measured_, &cpu::MachineLimits::bfloat16_flops) / kGiga};
}

}  // namespace minimax::apps
