// SPDX-License-Identifier: Apache-2.0
// Barriers in shared memory (mbarrier) for pipelines of producers and consumers, barriers of a part
// of a block, and clusters of blocks. Compute capability 9.0, but for barriers of a part of a
// block: 8.0.
#pragma once

#include <cstdint>

namespace minimax::cuda {

/// A barrier in shared memory. Its phase ends when `count` arrivals have come, and all bytes that
/// were announced; then the next begins.
using Barrier = std::uint64_t;

__device__ inline std::uint32_t barrier_address(const Barrier& barrier) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(&barrier));
}

__device__ inline void init_barrier(Barrier& barrier, int count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier_address(barrier)), "r"(count)
               : "memory");
}

/// Makes initialised barriers known to the copy engine and to the other blocks of the cluster; a
/// barrier of the block or cluster must follow.
__device__ inline void publish_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ inline void arrive(Barrier& barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier_address(barrier))
               : "memory");
}

/// Arrives, and lets the phase wait for so many bytes besides.
__device__ inline void arrive_expecting(Barrier& barrier, int bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier_address(barrier)),
      "r"(bytes)
      : "memory");
}

/// Where another block of the cluster has what this one has at `address`.
__device__ inline std::uint32_t address_in_block(std::uint32_t address, int rank) {
  std::uint32_t result;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(result) : "r"(address), "r"(rank));
  return result;
}

/// Arrives at the same barrier of another block of the cluster, without ordering what this thread
/// wrote before: for saying that products have read shared memory. (A release costs a fence of the
/// whole device here.)
__device__ inline void arrive_in_block(Barrier& barrier, int rank) {
  asm volatile("mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [%0];" ::"r"(
                   address_in_block(barrier_address(barrier), rank))
               : "memory");
}

/// Waits for the end of the phase of this parity. The first phase of a barrier has parity 0; a wait
/// for parity 1 passes a fresh barrier at once.
__device__ inline void wait(Barrier& barrier, int parity) {
  std::uint32_t done = 0;
  while (done == 0) {
    asm volatile(
        "{\n.reg .pred p;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n}"
        : "=r"(done)
        : "r"(barrier_address(barrier)), "r"(parity)
        : "memory");
  }
}

/// Makes what this thread wrote to shared memory visible to the tensor cores and the copy engine
/// once a barrier has been passed.
__device__ inline void fence_shared_for_engines() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/// A barrier of `threads` threads of the block (whole warps); `id` is 1 to 15.
__device__ inline void sync_threads_of(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// Counts this thread's warp at such a barrier without waiting.
__device__ inline void arrive_threads_of(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

__device__ inline int rank_in_cluster() {
  std::uint32_t rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return static_cast<int>(rank);
}

__device__ inline void sync_cluster() {
  asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}

/// How many registers the threads of this warpgroup have from here on; a multiple of 8.
template <int count>
__device__ void give_registers_back() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count));
}
template <int count>
__device__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count));
}

}  // namespace minimax::cuda
