// SPDX-License-Identifier: Apache-2.0
// How operations share their rows among threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/context.h"

namespace minimax::ops {

/// Below so many elements a region is run by the calling thread alone: to wake the others takes
/// some microseconds, as long as to stream this much.
inline constexpr std::int64_t kSerialElements = 16384;

/// The pool of a CPU context. Throws: Error{kInvalidArgument} without one.
cpu::ThreadPool& pool_of(const Context& ctx);

/// Calls body(begin, end) over ranges that cover [0, rows), on several threads where the rows hold
/// enough elements.
template <class Body>
void parallel_rows(const Context& ctx, std::int64_t rows, std::int64_t row_elements, Body&& body) {
  const std::int64_t elements = std::max<std::int64_t>(row_elements, 1);
  if (rows <= 1 || rows * elements < kSerialElements) {
    body(std::int64_t{0}, rows);
    return;
  }
  const std::int64_t grain = std::max<std::int64_t>(1, kSerialElements / 4 / elements);
  pool_of(ctx).parallel_for(rows, grain,
                            [&](std::int64_t begin, std::int64_t end, int) { body(begin, end); });
}

/// Calls body(begin, end, thread) over ranges that cover [0, tasks), which touch `elements` in all;
/// for tasks that need scratch of their thread, which is below pool_of(ctx).threads().
template <class Body>
void parallel_tasks(const Context& ctx, std::int64_t tasks, std::int64_t elements, Body&& body) {
  if (elements < kSerialElements) {
    body(std::int64_t{0}, tasks, 0);
    return;
  }
  pool_of(ctx).parallel_for(tasks, 1, body);
}

/// parallel_rows for a kernel over rows of plain arrays.
template <class Rows>
void parallel_rows(const Context& ctx, std::int64_t rows, std::int64_t row_elements,
                   void (*kernel)(const Rows&, std::int64_t, std::int64_t), const Rows& args) {
  parallel_rows(ctx, rows, row_elements,
                [&](std::int64_t begin, std::int64_t end) { kernel(args, begin, end); });
}

}  // namespace minimax::ops
