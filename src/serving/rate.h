// SPDX-License-Identifier: Apache-2.0
// How many a second, over about the last seconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace minimax::serving {

/// A mean that forgets: what is as old as the time constant counts e times less.
class Rate {
 public:
  using Clock = std::chrono::steady_clock;

  void add(std::int64_t count, Clock::time_point now);
  double per_second(Clock::time_point now) const;

 private:
  double kept_since(Clock::time_point now) const;

  double sum_ = 0.0;
  Clock::time_point last_ = Clock::now();
};

}  // namespace minimax::serving
