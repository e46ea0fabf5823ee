// SPDX-License-Identifier: Apache-2.0
// Which request is let in next, and which one has to make room.
#pragma once

#include <cstdint>
#include <span>

#include "serving/job_context.h"

namespace minimax::serving {

/// What counts of a request that waits.
struct QueuePlace {
  std::int32_t priority = 0;
  Clock::time_point since;          // it was submitted
  std::int64_t running_beside = 0;  // sequences of the same client that run
};

/// The index of the request that goes next: the oldest of those that have waited for
/// `patience_seconds`, or else of the lowest priority number the one whose client has the fewest
/// sequences running, and of these the oldest. So no request waits for ever, and no client keeps
/// the others out. Requires: not empty.
std::size_t first_in_line(std::span<const QueuePlace> places, Clock::time_point now,
                          double patience_seconds);

}  // namespace minimax::serving
