// SPDX-License-Identifier: Apache-2.0
// How much memory an action takes from the heap at most. A program that links
// minimax::testing_allocation has its global operators new and delete replaced.
#pragma once

#include <cstdint>
#include <functional>

namespace minimax::testing {

/// The largest number of bytes that were allocated at once during `action` on top of those
/// before. Allocations of all threads count.
std::int64_t peak_allocation_of(const std::function<void()>& action);

}  // namespace minimax::testing
