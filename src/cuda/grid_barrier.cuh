// SPDX-License-Identifier: Apache-2.0
// A barrier of all blocks of a launch, which must run at the same time: a grid of at most one block
// per multiprocessor, each of which one holds, and no other launch that does the same beside it.
#pragma once

namespace minimax::cuda {

/// All blocks wait for each other, and see what the others wrote. `barrier` is two words of device
/// memory, zero before the first use: blocks that have come, which returns to zero so that launches
/// may have grids of any size, and the number of barriers passed.
__device__ inline void wait_for_grid(unsigned* barrier) {
  __syncthreads();
  if (threadIdx.x == 0) {
    const unsigned passed = *static_cast<volatile unsigned*>(barrier + 1);
    unsigned came = 0;
    asm volatile("atom.add.acq_rel.gpu.u32 %0, [%1], 1;" : "=r"(came) : "l"(barrier) : "memory");
    if (came == gridDim.x - 1) {
      *static_cast<volatile unsigned*>(barrier) = 0;
      asm volatile("red.release.gpu.add.u32 [%0], 1;" ::"l"(barrier + 1) : "memory");
    } else {
      unsigned now = passed;
      while (now == passed) {
        asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(now) : "l"(barrier + 1) : "memory");
      }
    }
  }
  __syncthreads();
}

}  // namespace minimax::cuda
