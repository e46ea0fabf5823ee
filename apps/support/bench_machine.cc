// SPDX-License-Identifier: Apache-2.0
#include "support/bench_machine.h"

#include <fstream>

#include "cpu/machine.h"
#include "cpu/thread_pool.h"
#include "cuda/device.h"
#include "cuda/machine.h"
#include "cuda/upload_rate.h"

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

Roof roof_of(const cpu::MachineLimits& limits) {
  constexpr double kGiga = 1e9;
  return {.read_gb_per_second = limits.read_bytes_per_s / kGiga,
          .float32_gflop_per_second = limits.float32_flops / kGiga,
          .bfloat16_gflop_per_second = limits.bfloat16_flops / kGiga,
          .int8_gop_per_second = limits.int8_ops / kGiga};
}

// Products of bytes are not used on the GPU: their roof is that of bfloat16.
Roof roof_of(const cuda::MachineLimits& limits) {
  constexpr double kGiga = 1e9;
  return {.read_gb_per_second = limits.read_bytes_per_s / kGiga,
          .float32_gflop_per_second = limits.float32_flops / kGiga,
          .bfloat16_gflop_per_second = limits.bfloat16_flops / kGiga,
          .int8_gop_per_second = limits.bfloat16_flops / kGiga};
}

// f(field) for every field.
template <class F>
Roof each_field(const F& f) {
  return {.read_gb_per_second = f(&Roof::read_gb_per_second),
          .float32_gflop_per_second = f(&Roof::float32_gflop_per_second),
          .bfloat16_gflop_per_second = f(&Roof::bfloat16_gflop_per_second),
          .int8_gop_per_second = f(&Roof::int8_gop_per_second)};
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

MachineMeter::MachineMeter(const LoadOptions& options, int threads)
    : threads_(threads),
      isa_(cpu::isa_from_name(options.isa).value_or(cpu::detect_isa())),
      cuda_(options.device == Device::kCuda ? std::make_unique<cuda::Runtime>() : nullptr) {}

Roof MachineMeter::measure_once() const {
  if (cuda_) {
    return roof_of(cuda::measure_machine(*cuda_));
  }
  // A pool of its own, gone before the model runs: waiting threads would take turns with it.
  cpu::ThreadPool pool(threads_);
  return roof_of(cpu::measure_machine(pool, isa_));
}

Roof MachineMeter::measure() {
  measured_.push_back(measure_once());
  const Roof& after = measured_.back();
  const Roof& before = measured_.size() > 1 ? measured_[measured_.size() - 2] : after;
  return each_field([&](double Roof::* field) { return (before.*field + after.*field) / 2; });
}

double MachineMeter::upload_gb_per_second() const {
  return cuda_ ? cuda::measure_upload(*cuda_) * 1e-9 : 0.0;
}

MachineFigures MachineMeter::figures() const {
  MachineFigures figures{
      .processor = processor_name(), .isa = std::string(cpu::isa_name(isa_)), .threads = threads_};
  if (cuda_) {
    figures.processor = cuda::require_device().name;
    figures.isa = "cuda";
    figures.threads = 1;
  }
  if (!measured_.empty()) {
    figures.roof = each_field([&](double Roof::* field) { return median_of(measured_, field); });
  }
  return figures;
}

}  // namespace minimax::apps
