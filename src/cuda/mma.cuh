// SPDX-License-Identifier: Apache-2.0
// The matrix instructions of compute capability 8.0: tiles of bf16 from shared memory, products of
// 16 x 8 x 16 with float32 sums, and copies to shared memory that pass the registers by.
//
// Fragments: lane l holds of an 8 x 8 block the row l / 4 and the columns 2 (l % 4) and + 1.
#pragma once

#include <cstdint>

namespace minimax::cuda {

/// Where a pointer to shared memory points to, as instructions want it.
__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// Four 8 x 8 blocks of 2-byte elements: lane l gives the address of row l % 8 of block l / 8.
__device__ inline void load_blocks(std::uint32_t (&blocks)[4], std::uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(blocks[0]), "=r"(blocks[1]), "=r"(blocks[2]), "=r"(blocks[3])
               : "r"(row)
               : "memory");
}

/// The same, each block transposed on its way.
__device__ inline void load_blocks_transposed(std::uint32_t (&blocks)[4], std::uint32_t row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(blocks[0]), "=r"(blocks[1]), "=r"(blocks[2]), "=r"(blocks[3])
               : "r"(row)
               : "memory");
}

/// The opposite of load_blocks. Compute capability 9.0.
__device__ inline void store_blocks(std::uint32_t row, const std::uint32_t (&blocks)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(row),
               "r"(blocks[0]), "r"(blocks[1]), "r"(blocks[2]), "r"(blocks[3])
               : "memory");
}

/// The opposite of load_blocks_transposed. Compute capability 9.0.
__device__ inline void store_blocks_transposed(std::uint32_t row,
                                               const std::uint32_t (&blocks)[4]) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(row),
               "r"(blocks[0]), "r"(blocks[1]), "r"(blocks[2]), "r"(blocks[3])
               : "memory");
}

/// One 8 x 8 block of 2-byte elements, transposed within the registers of the warp.
__device__ inline std::uint32_t transpose_block(std::uint32_t block) {
  std::uint32_t result;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(result) : "r"(block));
  return result;
}

/// sums [16, 8] += a [16, 16] b [16, 8]. `a` is its blocks (0, 0), (1, 0), (0, 1), (1, 1); `b` its
/// blocks (0, 0), (1, 0), both transposed; `sums` its rows l / 4, then l / 4 + 8.
__device__ inline void mma_bf16(float* sums, const std::uint32_t (&a)[4], std::uint32_t b0,
                                std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// 16 bytes to shared memory, in the background; zeros where `valid` is false (nothing is read).
__device__ inline void copy_async_16(std::uint32_t to, const void* from, bool valid) {
  const int bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes)
               : "memory");
}

/// Waits for all copies that this thread has started.
__device__ inline void wait_copies_async() { asm volatile("cp.async.wait_all;" ::: "memory"); }

/// Ends a group of copies of this thread.
__device__ inline void commit_copies_async() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits for all but the newest `groups` groups of this thread.
template <int groups>
__device__ void wait_copies_async() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
}

}  // namespace minimax::cuda
