// SPDX-License-Identifier: Apache-2.0
// Independent pieces of work on the threads of a pool, any of which may fail.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

#include "cpu/thread_pool.h"
#include "minimax/error.h"

namespace minimax::serving {

/// Runs task(0) to task(count - 1), each once, and returns what they threw, null where nothing.
/// `pool` may be null.
std::vector<std::exception_ptr> run_tasks(cpu::ThreadPool* pool, std::int64_t count,
                                          const std::function<void(std::int64_t)>& task);

void rethrow_first(const std::vector<std::exception_ptr>& thrown);

/// What to tell a client of an exception.
Error error_of(const std::exception_ptr& thrown);

}  // namespace minimax::serving
