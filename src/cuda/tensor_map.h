// SPDX-License-Identifier: Apache-2.0
// Maps of matrices in device memory, from which the copy engine of Hopper takes boxes.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace minimax::cuda {

/// A matrix of bf16, rows contiguous, in boxes of 64 x 64; in shared memory a box is 64 rows of 128
/// bytes with the 128-byte swizzle. `matrix` is 16-byte aligned, `columns` a multiple of 8.
/// Throws: Error{kDevice}.
CUtensorMap bf16_tensor_map(const void* matrix, std::int64_t rows, std::int64_t columns);

/// All of the GPU's addresses as rows of 128 bf16, so that one map serves pages that lie anywhere;
/// load_rows() in tma.cuh takes boxes of `box_rows` x 64 with the same swizzle from it. Its second
/// dimension ends after the rows of a box and its third moves on by single rows, so that a box can
/// be made to end, and be filled up with zeros, after any row.
/// Throws: Error{kDevice}.
CUtensorMap memory_rows_map(int box_rows);
/// The same for boxes of whole rows, which load_whole_rows() takes.
CUtensorMap memory_whole_rows_map(int box_rows);

inline constexpr std::uint64_t kMapBase = std::uint64_t{1} << 24;  // below any address in use
inline constexpr std::uint64_t kMapStep = std::uint64_t{1} << 32;  // of the fourth dimension, bytes

}  // namespace minimax::cuda
