// SPDX-License-Identifier: Apache-2.0
// Rows of blocks, as files hold them, to the tiles of device_matrix.h, on the GPU.
#pragma once

#include <cstdint>

#include "cuda/stream.h"
#include "ops/device_matrix/device_matrix.h"

namespace minimax::ops::cuda {

/// Repacks a matrix [rows, columns], or several of them that lie one after the other. Codes stay as
/// they are; scales of two levels (Q4_K, Q6_K) are multiplied and rounded to binary16.
/// Requires: device_format(format) is there; device pointers, `blocks` aligned to 4 bytes, `tiles`
/// to 16 bytes and not overlapping it; rows a multiple of 16 where matrices > 1.
struct Repack {
  const void* blocks;  // matrices * rows * quant::row_bytes(format, columns)
  quant::Format format;
  std::int64_t rows;
  std::int64_t columns;
  void* tiles;  // matrices * DeviceLayout::bytes()
  std::int64_t matrices = 1;
};
void repack(const Repack& args, minimax::cuda::Stream stream);

/// The same for e4m3 numbers and their float32 scales, one for a block of
/// scale_rows x scale_columns elements: 1 x columns for channels, 128 x 128 for blocks.
struct RepackFP8 {
  const void* codes;    // [rows, columns] e4m3
  const float* scales;  // [ceil(rows / scale_rows), ceil(columns / scale_columns)]
  std::int64_t scale_rows;
  std::int64_t scale_columns;  // a multiple of 64, or at least `columns`
  std::int64_t rows;
  std::int64_t columns;
  void* tiles;  // DeviceLayout{kFP8, rows, columns}.bytes()
};
void repack_fp8(const RepackFP8& args, minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
