// SPDX-License-Identifier: Apache-2.0
// Copies by the copy engine: boxes of a matrix in device memory to and from shared memory, and
// pieces of shared memory to another block of the cluster. One thread starts a copy. Compute
// capability 9.0.
#pragma once

#include <cuda.h>

#include <cstdint>

#include "cuda/barrier.cuh"
#include "cuda/tensor_map.h"

namespace minimax::cuda {

/// The box at (column, row) to shared memory; its bytes count at the barrier. Elements outside of
/// the matrix are zero.
__device__ inline void load_box(void* to, const CUtensorMap& map, int column, int row,
                                Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, "
      "{%3, %4}], [%2];" ::"r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
      "l"(&map), "r"(barrier_address(barrier)), "r"(column), "r"(row)
      : "memory");
}

/// The same to this place in all blocks of the cluster that `blocks` has a bit of; in each of them
/// the bytes count at its own barrier of this name.
__device__ inline void load_box_to_blocks(void* to, const CUtensorMap& map, int column, int row,
                                          Barrier& barrier, unsigned blocks) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;" ::"r"(
          static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
      "l"(&map), "r"(barrier_address(barrier)), "r"(column), "r"(row),
      "h"(static_cast<std::uint16_t>(blocks))
      : "memory");
}

/// The 64 columns from `column` on of `rows` rows of 256 bytes that begin at `address`, a multiple
/// of 256, through a memory_rows_map(box_rows); the other rows of the box are zero.
template <int box_rows>
__device__ void load_rows(void* to, const CUtensorMap& map, const void* address, int column,
                          int rows, Barrier& barrier) {
  // The box begins so many rows before the end of the map's second dimension as are wanted.
  const int skipped = box_rows - rows;
  const std::uint64_t row = (reinterpret_cast<std::uint64_t>(address) >> 8) -
                            static_cast<std::uint64_t>(skipped) - kMapBase / 256;
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, "
      "{%3, %4, %5, %6}], [%2];" ::"r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
      "l"(&map), "r"(barrier_address(barrier)), "r"(column), "r"(skipped),
      "r"(static_cast<int>(row & (kMapStep / 256 - 1))),
      "r"(static_cast<int>(row / (kMapStep / 256)))
      : "memory");
}

/// The box of a stack of matrices (tensor_map.h) at this column, row and matrix.
__device__ inline void load_box_of(void* to, const CUtensorMap& map, int column, int row,
                                   int matrix, Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, "
      "{%3, %4, %5}], [%2];" ::"r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
      "l"(&map), "r"(barrier_address(barrier)), "r"(column), "r"(row), "r"(matrix)
      : "memory");
}

/// The box of a stack of pairs of matrices (tensor_map.h) at this column, eight rows of both and
/// pair.
__device__ inline void load_pair_box(void* to, const CUtensorMap& map, int column, int eight_rows,
                                     int pair, Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, "
      "{%3, %4, %4, %5, %6}], [%2];" ::"r"(
          static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
      "l"(&map), "r"(barrier_address(barrier)), "r"(column), "r"(0), "r"(eight_rows), "r"(pair)
      : "memory");
}

/// The box of a stack of tiles (tensor_map.h) at this tile column, tile row and matrix.
__device__ inline void load_tiles(void* to, const CUtensorMap& map, int column, int row, int matrix,
                                  Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, "
      "{%3, %4, %5, %6}], [%2];" ::"r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
      "l"(&map), "r"(barrier_address(barrier)), "r"(0), "r"(column), "r"(row), "r"(matrix)
      : "memory");
}

/// Shared memory to the box at (column, row); elements outside of the matrix are left out.
__device__ inline void store_box(const CUtensorMap& map, const void* from, int column, int row) {
  asm volatile(
      "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];" ::"l"(&map),
      "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(from))), "r"(column), "r"(row)
      : "memory");
}

/// Ends the group of stores that this thread has started since the last.
__device__ inline void commit_stores() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }

/// Waits until the shared memory of all but the newest `groups` groups of stores may be
/// overwritten.
template <int groups>
__device__ void wait_stores_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(groups) : "memory");
}

/// Copies `bytes` bytes of shared memory to the same place in another block of the cluster, where
/// they count at the same `barrier`.
__device__ inline void send_to_block(const void* from, int bytes, Barrier& barrier, int rank) {
  const auto source = static_cast<std::uint32_t>(__cvta_generic_to_shared(from));
  asm volatile(
      "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, "
      "[%3];" ::"r"(address_in_block(source, rank)),
      "r"(source), "r"(bytes), "r"(address_in_block(barrier_address(barrier), rank))
      : "memory");
}

/// `bytes` consecutive bytes of device memory to shared memory; they count at the barrier. Both
/// ends are 16-byte aligned.
__device__ inline void load_bytes(void* to, const void* from, int bytes, Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(to))),
      "l"(from), "r"(bytes), "r"(barrier_address(barrier))
      : "memory");
}

/// `bytes` consecutive bytes of shared memory to device memory.
__device__ inline void store_bytes(void* to, const void* from, int bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to),
               "r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(from))), "r"(bytes)
               : "memory");
}

/// Lets the copy engine read the map before it is used.
__device__ inline void prefetch_map(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

}  // namespace minimax::cuda
