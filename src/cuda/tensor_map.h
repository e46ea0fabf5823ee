// SPDX-License-Identifier: Apache-2.0
// Maps of matrices in device memory, from which the copy engine of Hopper takes boxes.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace minimax::cuda {

/// A matrix of bf16, rows contiguous, in boxes of box_rows x 64; in shared memory a box is rows of
/// 128 bytes with the 128-byte swizzle. `matrix` is 16-byte aligned, `columns` a multiple of 8.
/// Throws: Error{kDevice}.
CUtensorMap bf16_tensor_map(const void* matrix, std::int64_t rows, std::int64_t columns,
                            int box_rows = 64);

/// All of the GPU's addresses as rows of 128 bf16, so that one map serves pages that lie anywhere;
/// load_rows() in tma.cuh takes boxes of `box_rows` x 64 with the same swizzle from it. Its second
/// dimension ends after the rows of a box and its third moves on by single rows, so that a box can
/// be made to end, and be filled up with zeros, after any row.
/// Throws: Error{kDevice}.
CUtensorMap memory_rows_map(int box_rows);

inline constexpr std::uint64_t kMapBase = std::uint64_t{1} << 24;  // below any address in use
inline constexpr std::uint64_t kMapStep = std::uint64_t{1} << 32;  // of the fourth dimension, bytes

/// Equally spaced matrices of bf16, `stride` bytes (a multiple of 16) from one to the next, in
/// boxes as above. Coordinates are column, row, matrix. Throws: Error{kDevice}.
struct MatrixStack {
  const void* data;  // aligned to 16 bytes
  std::int64_t rows;
  std::int64_t columns;  // a multiple of 8
  std::int64_t matrices;
  std::int64_t stride;
  int box_rows;
};
CUtensorMap matrix_stack_map(const MatrixStack& stack);

/// Two such stacks, the second `apart` bytes (a multiple of 16, less than 2^40) behind the first:
/// boxes have by turns eight rows of a matrix and the same eight of its partner, box_rows / 16
/// times; `rows` is a multiple of 8, box_rows of 16. Coordinates are column, 0, 0, rows / 8,
/// matrix. Throws: Error{kDevice}.
CUtensorMap matrix_pair_map(const MatrixStack& first, std::int64_t apart);

/// Tiles of some bytes each, in rows of tiles, in equally spaced matrices.
struct TileStack {
  const void* data;         // aligned to 16 bytes
  std::int64_t tile_bytes;  // a multiple of 16, at most 2048
  std::int64_t columns;     // tiles of a row, one after the other
  std::int64_t rows;        // of tiles, one after the other
  std::int64_t matrices;
  std::int64_t matrix_bytes;  // from a matrix to the next, a multiple of 16
  int box_columns;            // tiles of a box
  int box_rows;
};

/// In boxes of box_columns x box_rows tiles of one matrix; in shared memory the tiles of a box
/// follow each other, row after row. Coordinates are 0, tile column, tile row, matrix. Throws:
/// Error{kDevice}.
CUtensorMap tile_stack_map(const TileStack& stack);

}  // namespace minimax::cuda
