// SPDX-License-Identifier: Apache-2.0
// Work on rows with several threads, where a row may fail.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <mutex>

#include "cpu/thread_pool.h"

namespace minimax::convert {

/// Calls body(row) for all rows below `rows` on all threads, and throws what the first of those
/// that fail throws.
template <class Body>
void for_each_row(cpu::ThreadPool& pool, std::int64_t rows, std::int64_t columns,
                  const Body& body) {
  constexpr std::int64_t kElementsPerTask = 4096;
  std::mutex mutex;
  std::exception_ptr failure;
  std::int64_t failed_row = rows;
  const std::int64_t grain = std::max<std::int64_t>(1, kElementsPerTask / columns);
  pool.parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end, int /*thread*/) {
    for (std::int64_t row = begin; row < end; ++row) {
      try {
        body(row);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (row < failed_row) {
          failed_row = row;
          failure = std::current_exception();
        }
        return;
      }
    }
  });
  if (failure) {
    std::rethrow_exception(failure);
  }
}

}  // namespace minimax::convert
