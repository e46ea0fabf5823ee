// SPDX-License-Identifier: Apache-2.0
// Products of few rows with a repacked weight matrix on a GPU: what decoding spends its time on.
// Reads every weight once for up to 64 rows, and is mostly bound by that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/stream.h"
#include "ops/device_matrix/device_matrix.h"

namespace minimax::ops::cuda {

/// Up to so many rows at once; of plain weights, whose products of more rows cuBLASLt computes as
/// well, fewer.
inline constexpr std::int64_t kFewRows = 64;
inline constexpr std::int64_t kFewPlainRows = 8;

/// Some of the columns of a product, as a matrix of their own.
struct FewRowsOut {
  void* data = nullptr;      // [rows, columns] bf16 or float32
  std::int64_t columns = 0;  // all but the last of a product: a multiple of 16
};

/// out = x weight^T with float32 sums, in one order for a number of rows. The weights of nf4 and
/// fp4 are rounded to bf16 before their scale; up to 8 rows of bf16 that meet integer weights are
/// rounded to 2^-14 of the largest of each group. Nothing is allocated, and the host does not wait.
/// The blocks of a launch may wait for each other: two launches must not run at the same time.
/// Requires: 1 <= rows <= kFewRows, of plain weights kFewPlainRows; 16-byte aligned pointers; inner
/// and columns below 2^30, and inner at most 1024 for each multiprocessor.
/// Throws: Error{kDevice} where the launch fails.
struct FewRowsProduct {
  const void* x;        // [rows, inner] bf16
  std::int64_t rows;    // T
  const void* weight;   // bytes of `layout`
  DeviceLayout layout;  // rows: columns of out; columns: inner
  FewRowsOut outs[3];   // side by side they are [rows, layout.rows]; not all need be there
  bool out_is_float = false;
  void* barrier;   // Runtime::grid_barrier(), or two words that are zero at first
  void* scratch;   // kFewRowsScratchBytes
  int processors;  // multiprocessors of the GPU
};
void few_rows_product(const FewRowsProduct& args, minimax::cuda::Stream stream);

/// Sums of parts of K: device memory that launches one after the other share.
inline constexpr std::int64_t kFewRowsScratchBytes = std::int64_t{64} << 20;

}  // namespace minimax::ops::cuda
