// SPDX-License-Identifier: Apache-2.0
// The progress of something that may take longer than a second, on standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "support/terminal.h"

namespace minimax::apps {

/// A bar on a terminal, a plain line now and then elsewhere; nothing at all where the work ends
/// within a moment.
class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t done, std::int64_t total);
  /// Removes the bar from the terminal.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  Terminal terminal_;
  std::string label_;
  Clock::time_point next_;  // nothing is shown before
  bool shown_ = false;
};

/// "Reading weights  [#####-----]  50 %" in at most `columns` characters; without the bar where
/// there is no room for it.
std::string progress_line(const std::string& label, std::int64_t done, std::int64_t total,
                          int columns);

}  // namespace minimax::apps
