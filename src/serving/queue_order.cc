// SPDX-License-Identifier: Apache-2.0
#include "serving/queue_order.h"

#include <algorithm>
#include <tuple>

namespace minimax::serving {

std::size_t first_in_line(std::span<const QueuePlace> places, Clock::time_point now,
                          double patience_seconds) {
  const auto is_impatient = [&](const QueuePlace& place) {
    return std::chrono::duration<double>(now - place.since).count() >= patience_seconds;
  };
  const auto goes_before = [&](const QueuePlace& a, const QueuePlace& b) {
    const bool a_first = is_impatient(a);
    const bool b_first = is_impatient(b);
    if (a_first != b_first || a_first) {
      return a_first && (!b_first || a.since < b.since);
    }
    return std::tie(a.priority, a.running_beside, a.since) <
           std::tie(b.priority, b.running_beside, b.since);
  };
  return static_cast<std::size_t>(std::ranges::min_element(places, goes_before) - places.begin());
}

}  // namespace minimax::serving
