// SPDX-License-Identifier: Apache-2.0
// What the machine can do, measured between the tests of a benchmark.
#pragma once

#include <string>
#include <vector>

#include "cpu/isa.h"
#include "support/bench_report.h"

namespace minimax::apps {

class MachineMeter {
 public:
  /// `isa` as in LoadOptions.
  MachineMeter(int threads, const std::string& isa);

  /// Takes one set of measurements, about a second. Returns the means of it and of the one before,
  /// between which a test ran: other tenants of a machine come and go within seconds.
  Roof measure();

  /// The medians of all measurements.
  MachineFigures figures() const;

 private:
  int threads_ = 1;
  cpu::Isa isa_ = cpu::Isa::kScalar;
  std::vector<Roof> measured_;
};

}  // namespace minimax::apps
