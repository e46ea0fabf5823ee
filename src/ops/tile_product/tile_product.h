// SPDX-License-Identifier: Apache-2.0
// Products of many rows with repacked weights (ops/device_matrix) on a GPU, whole or in groups of
// rows that each have weights of their own: the experts of a prompt. For kernels' callers within
// ops; the operations choose it where it fits (tile_product_takes).
//
// Weights are the left operand: they come tile by tile from memory, are unpacked into registers
// and multiplied with up to 128 rows at a time, so that weights of 4 bits are read as such and
// groups of any size lose little. A multiplication by an element is one of bf16 numbers (the
// weight's value rounded to bf16, as decoding it to bf16 would) or of e4m3 numbers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/stream.h"
#include "ops/device_matrix/device_matrix.h"

namespace minimax::ops::cuda {

/// Matrices of one layout, one for every group of rows, equally spaced: tiles, but rows of numbers
/// for bf16.
struct TileMatrices {
  const void* data = nullptr;    // of group 0, aligned to 16 bytes
  std::int64_t group_bytes = 0;  // from a group to the next, a multiple of 16
};

/// The most groups of a product.
inline constexpr std::int64_t kTileProductGroups = 256;

/// out[r] = x[r] w_g^T or, where there is `up`, SiLU(x[r] w_g^T) * (x[r] up_g^T), for the rows
/// offsets[g] <= r < offsets[g + 1] of every group g. The offsets are read on the GPU: a launch can
/// be captured. All pointers are device memory.
/// Requires: tile_product_takes(); x and out aligned to 16 bytes.
/// Throws: Error{kDevice} where the launch fails.
struct TileProduct {
  const void* x;                    // [rows, K] bf16; with x_scales: what quantize_rows makes
  const float* x_scales = nullptr;  // [rows]: products of e4m3 numbers
  std::int64_t rows;                // R, at least offsets[groups]
  DeviceLayout layout;              // [N, K] of every matrix
  TileMatrices weight;
  TileMatrices up = {};         // may be absent
  const std::int32_t* offsets;  // [groups + 1]
  std::int64_t groups;
  void* out;  // [rows, N] bf16 or float32
  bool out_is_float = false;
  int processors;  // multiprocessors of the GPU
};
void tile_product(const TileProduct& args, minimax::cuda::Stream stream);

/// Whether there is a kernel for weights like that. K is a multiple of 64, N of 8.
bool tile_product_takes(const DeviceLayout& layout);
/// The same for products of e4m3 numbers. K is a multiple of 128.
bool tile_product_takes_e4m3(const DeviceLayout& layout);

/// The same with the matrix instructions of compute capability 8.0, where there is no Hopper.
/// Requires: tile_product_takes().
void tile_product_mma(const TileProduct& args, minimax::cuda::Stream stream);

/// Rows in the order of groups: out[r] = x[source[r] / top_k], as bf16.
struct GatherRows {
  const void* x;  // [T, K] bf16 or float32, K a multiple of 8
  bool x_is_float = false;
  const std::int32_t* pair_of_row;  // [rows]; null: row r is row r
  std::int64_t top_k = 1;
  std::int64_t rows;
  std::int64_t columns;  // K
  void* out;             // [rows, K] bf16
};
void gather_rows(const GatherRows& args, minimax::cuda::Stream stream);

/// The same rows as e4m3 numbers, in the order of columns that tile_product wants, with a float32
/// scale each: the largest magnitude of a row is 448 times its scale. K is a multiple of 16.
struct QuantizeRows {
  GatherRows rows;  // `out` is [rows, K] bytes
  float* scales;    // [rows]
};
void quantize_rows(const QuantizeRows& args, minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
