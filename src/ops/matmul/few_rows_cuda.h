// SPDX-License-Identifier: Apache-2.0
// Products of few rows with a repacked weight matrix on a GPU: what decoding spends its time on.
// Reads every weight once for up to 64 rows of bf16 (32 of float32), and is mostly bound by that.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/stream.h"
#include "ops/device_matrix/device_matrix.h"

namespace minimax::ops::cuda {

/// out = x weight^T with float32 sums, in one order for a number of rows. The weights of nf4 and
/// fp4 are rounded to bf16 before their scale, those of float32 and rows of float32 to 16 bits of
/// mantissa; up to 8 rows of bf16 that meet integer weights are rounded to 2^-14 of the largest of
/// each group. Nothing is allocated, and the host does not wait. The blocks of a launch may wait
/// for each other, so two launches must not run at the same time, in two streams. Requires: 1 <=
/// rows <= 64, inner and columns below 2^30, 16-byte aligned pointers. Throws: Error{kDevice} where
/// the launch fails.
struct FewRowsProduct {
  const void* x;  // [rows, inner] bf16 or float32
  bool x_is_float = false;
  std::int64_t rows;    // T
  const void* weight;   // bytes of `layout`
  DeviceLayout layout;  // rows: columns of out; columns: inner
  void* out;            // [rows, layout.rows] bf16 or float32
  bool out_is_float = false;
  void* scratch;   // kFewRowsScratchBytes; its first kFewRowsStateBytes zero at first
  int processors;  // multiprocessors of the GPU
};
void few_rows_product(const FewRowsProduct& args, minimax::cuda::Stream stream);

/// What a launch leaves as it found it: zeroed once, before the first.
inline constexpr std::int64_t kFewRowsStateBytes = 256;
/// Sums of parts of K.
inline constexpr std::int64_t kFewRowsPartialBytes = std::int64_t{64} << 20;
/// Device memory that launches one after the other share.
inline constexpr std::int64_t kFewRowsScratchBytes = kFewRowsStateBytes + kFewRowsPartialBytes;

}  // namespace minimax::ops::cuda
