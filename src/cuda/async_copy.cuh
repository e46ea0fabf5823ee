// SPDX-License-Identifier: Apache-2.0
// Copies from device to shared memory in the background, in groups that a thread waits for in
// order. Compute capability 8.0.
#pragma once

#include <cstdint>

namespace minimax::cuda {

/// 16 bytes, both ends aligned, past the first cache.
__device__ inline void start_copy_16(std::uint32_t to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

/// Ends the group of the copies that this thread has started since the last.
__device__ inline void end_copy_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until all but the newest `groups` groups of this thread have arrived.
template <int groups>
__device__ void wait_copy_groups() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
}

}  // namespace minimax::cuda
