// SPDX-License-Identifier: Apache-2.0
// Tiles of quantized weights to plain rows of bf16 on the GPU, for products of many rows that take
// their weights from scratch.
#pragma once

#include <cstdint>

#include "cuda/stream.h"
#include "ops/device_matrix/device_matrix.h"

namespace minimax::ops::cuda {

/// Decodes rows [first_row, first_row + rows) of `matrices` matrices of one layout, such as those
/// of experts: with `scratch` for a number of them, a layer is gone through in parts. Elements are
/// rounded to bf16 once. Reads device memory only, allocates nothing and may be captured.
/// Requires: a format of 8 bits or less for an element; first_row a multiple of 16; columns a
/// multiple of 8; 16-byte aligned pointers.
/// Throws: Error{kDevice} where the launch fails.
struct DecodeTiles {
  const void* tiles;  // of the first matrix
  DeviceLayout layout;
  std::int64_t first_row = 0;
  std::int64_t rows;  // of each
  void* out;          // [matrices, rows, columns] bf16
  std::int64_t matrices = 1;
  std::int64_t matrix_bytes = 0;  // from a matrix to the next
};
void decode_tiles(const DecodeTiles& args, minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
