// SPDX-License-Identifier: Apache-2.0
// Products of many rows with weights in bf16.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "cuda/check.h"
#include "cuda/tensor_map.h"
#include "ops/tile_product/tile_product_kernels.h"
#include "ops/tile_product/tile_product_launch.cuh"
#include "ops/tile_product/tile_product_wide.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::check;

std::int64_t bytes_between(const TileMatrices& first, const TileMatrices& second) {
  return static_cast<const std::byte*>(second.data) - static_cast<const std::byte*>(first.data);
}

hopper::WideMaps wide_maps(const TileProduct& args) {
  minimax::cuda::MatrixStack stack = {.data = args.weight.data,
                                      .rows = args.layout.rows,
                                      .columns = args.layout.columns,
                                      .matrices = args.groups,
                                      .stride = args.weight.group_bytes,
                                      .box_rows = hopper::kWideBlock};
  hopper::WideMaps maps = {
      .x = minimax::cuda::bf16_tensor_map(args.x, args.rows, args.layout.columns), .weight = {}};
  if (args.up.data == nullptr) {
    maps.weight = minimax::cuda::matrix_stack_map(stack);
    return maps;
  }
  const std::int64_t apart = bytes_between(args.weight, args.up);
  stack.data = apart < 0 ? args.up.data : args.weight.data;
  maps.weight = minimax::cuda::matrix_pair_map(stack, std::abs(apart));
  return maps;
}

// How many blocks run at a time, in clusters.
int most_blocks(cudaLaunchConfig_t config, int processors) {
  config.gridDim = dim3(static_cast<unsigned>(processors / hopper::kCluster * hopper::kCluster));
  int clusters = 0;
  check(cudaOccupancyMaxActiveClusters(&clusters, hopper::wide_product_kernel<hopper::kThreads>,
                                       &config),
        "tile_product: clusters");
  return std::max(1, clusters) * hopper::kCluster;
}

// Rows of a group on average from which the wide kernel is faster: it has fewer items to divide
// among the multiprocessors.
constexpr std::int64_t kLeastWideRows = 256;
constexpr std::int64_t kFarthest = std::int64_t{1} << 40;  // between gate and up

bool fits_wide(const TileProduct& args) {
  const bool reaches =
      args.up.data == nullptr || std::abs(bytes_between(args.weight, args.up)) < kFarthest;
  return reaches && args.rows >= kLeastWideRows * args.groups;
}

}  // namespace

void tile_product_bf16_wide(const TileProduct& args, minimax::cuda::Stream stream) {
  const auto kernel = hopper::wide_product_kernel<hopper::kThreads>;
  constexpr int kBytes = static_cast<int>(sizeof(hopper::WideShared));
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
        "tile_product: shared memory");
  cudaLaunchAttribute cluster = {};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {hopper::kCluster, 1, 1};
  cudaLaunchConfig_t config = {};
  config.blockDim = dim3(hopper::kThreads);
  config.dynamicSmemBytes = kBytes;
  config.stream = stream;
  config.attrs = &cluster;
  config.numAttrs = 1;
  static const int kMostBlocks = most_blocks(config, args.processors);
  config.gridDim = dim3(static_cast<unsigned>(
      std::min(kMostBlocks, args.processors / hopper::kCluster * hopper::kCluster)));
  hopper::Params params = hopper::params_of<hopper::RowsOperand>(args);
  params.up_first = args.up.data != nullptr && bytes_between(args.weight, args.up) < 0;
  check(cudaLaunchKernelEx(&config, kernel, wide_maps(args), params), "tile_product");
}

void tile_product_bf16(const TileProduct& args, minimax::cuda::Stream stream) {
  if (fits_wide(args)) {
    tile_product_bf16_wide(args, stream);
  } else {
    hopper::launch_tile_product<hopper::RowsOperand>(args, stream);
  }
}

}  // namespace minimax::ops::cuda
