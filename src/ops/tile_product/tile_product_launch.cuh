// SPDX-License-Identifier: Apache-2.0
// The launch of the kernel of tile_product.h for one kind of weights.
#pragma once

#include <cuda_runtime.h>

#include "cuda/check.h"
#include "cuda/tensor_map.h"
#include "ops/tile_product/tile_product.h"
#include "ops/tile_product/tile_product_hopper.cuh"

namespace minimax::ops::cuda::hopper {

template <class O>
Params params_of(const TileProduct& args) {
  return {.gated = args.up.data != nullptr,
          .row_tiles = static_cast<int>(args.layout.row_tiles()),
          .steps = static_cast<int>((args.layout.columns + 63) / 64) / O::kTiles,
          .offsets = args.offsets,
          .groups = static_cast<int>(args.groups),
          .columns = static_cast<int>(args.layout.rows),
          .x_scales = args.x_scales,
          .out = args.out,
          .out_is_float = args.out_is_float,
          .zero = 0};
}

template <class O>
CUtensorMap weight_map(const TileProduct& args, const TileMatrices& matrices) {
  if constexpr (O::kKind == Kind::kRows) {
    return minimax::cuda::matrix_stack_map({.data = matrices.data,
                                            .rows = args.layout.rows,
                                            .columns = args.layout.columns,
                                            .matrices = args.groups,
                                            .stride = matrices.group_bytes,
                                            .box_rows = kHalfRows});
  }
  return minimax::cuda::tile_stack_map({.data = matrices.data,
                                        .tile_bytes = args.layout.tile().bytes(),
                                        .columns = args.layout.column_tiles(),
                                        .rows = args.layout.row_tiles(),
                                        .matrices = args.groups,
                                        .matrix_bytes = matrices.group_bytes,
                                        .box_columns = O::kTiles,
                                        .box_rows = kBoxTiles});
}

// Two e4m3 numbers pass for one of bf16: nothing is computed by the copy.
template <class O>
Maps maps_of(const TileProduct& args) {
  const std::int64_t columns = args.layout.columns / (O::kKind == Kind::kE4M3 ? 2 : 1);
  return {.x = minimax::cuda::bf16_tensor_map(args.x, args.rows, columns),
          .weight = {weight_map<O>(args, args.weight),
                     weight_map<O>(args, args.up.data != nullptr ? args.up : args.weight)}};
}

template <class O>
void launch_tile_product(const TileProduct& args, minimax::cuda::Stream stream) {
  const auto kernel = tile_product_kernel<O>;
  const int bytes = static_cast<int>(sizeof(Shared<O>));
  minimax::cuda::check(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
      "tile_product: shared memory");
  kernel<<<static_cast<unsigned>(args.processors), kThreads, static_cast<std::size_t>(bytes),
           stream>>>(maps_of<O>(args), params_of<O>(args));
  minimax::cuda::check_launch("tile_product");
}

}  // namespace minimax::ops::cuda::hopper
