// SPDX-License-Identifier: Apache-2.0
// Barriers in shared memory (mbarrier) at which some threads arrive and others wait. Compute
// capability 8.0.
#pragma once

#include <cstdint>

namespace minimax::cuda {

/// A phase ends when `count` arrivals have come; then the next begins.
using MeetingPoint = std::uint64_t;

__device__ inline std::uint32_t meeting_address(const MeetingPoint& point) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(&point));
}

/// A barrier of the block must follow.
__device__ inline void set_meeting_point(MeetingPoint& point, int count) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(meeting_address(point)), "r"(count)
               : "memory");
}

__device__ inline void arrive_at(MeetingPoint& point) {
  asm volatile("{\n.reg .b64 state;\nmbarrier.arrive.shared.b64 state, [%0];\n}" ::"r"(
                   meeting_address(point))
               : "memory");
}

/// Waits for the end of the phase of this parity. The first phase has parity 0; a wait for parity 1
/// passes a fresh meeting point at once.
__device__ inline void wait_at(MeetingPoint& point, int parity) {
  std::uint32_t done = 0;
  while (done == 0) {
    asm volatile(
        "{\n.reg .pred p;\n"
        "mbarrier.test_wait.parity.shared.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n}"
        : "=r"(done)
        : "r"(meeting_address(point)), "r"(parity)
        : "memory");
  }
}

}  // namespace minimax::cuda
