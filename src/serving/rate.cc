// SPDX-License-Identifier: Apache-2.0
#include "serving/rate.h"

#include <cmath>

namespace minimax::serving {
namespace {

constexpr double kSeconds = 5.0;

}  // namespace

double Rate::kept_since(Clock::time_point now) const {
  return std::exp(-std::chrono::duration<double>(now - last_).count() / kSeconds);
}

void Rate::add(std::int64_t count, Clock::time_point now) {
  sum_ = sum_ * kept_since(now) + static_cast<double>(count);
  last_ = now;
}

double Rate::per_second(Clock::time_point now) const { return sum_ * kept_since(now) / kSeconds; }

}  // namespace minimax::serving
