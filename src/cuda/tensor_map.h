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

}  // namespace minimax::cuda
