// SPDX-License-Identifier: Apache-2.0
// What the machine can do, measured between the tests of a benchmark.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cpu/isa.h"
#include "cuda/runtime.h"
#include "minimax/model.h"
#include "support/bench_report.h"

namespace minimax::apps {

class MachineMeter {
 public:
  /// Of the device that a model was loaded on, for the processor with so many threads.
  /// Throws: Error{kDevice} where it is missing.
  MachineMeter(const LoadOptions& options, int threads);

  /// Takes one set of measurements, about a second. Returns the means of it and of the one before,
  /// between which a test ran: other tenants of a machine come and go within seconds.
  Roof measure();

  /// Of the link to the GPU, in GB/s; 0 for the processor.
  double upload_gb_per_second() const;

  /// The medians of all measurements.
  MachineFigures figures() const;

 private:
  Roof measure_once() const;

  int threads_ = 1;
  cpu::Isa isa_ = cpu::Isa::kScalar;
  std::unique_ptr<cuda::Runtime> cuda_;  // null: the processor
  std::vector<Roof> measured_;
};

}  // namespace minimax::apps
