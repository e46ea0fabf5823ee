// SPDX-License-Identifier: Apache-2.0
// The products of tile_product.h with the matrix instructions of compute capability 8.0: weights in
// rows of bf16, or tiles of integer codes.
//
// A block has 128 rows of weights (64 of gate and the same 64 of up) by up to 128 rows of x; a warp
// a pair of 16 rows of weights by 64 of x. Grid: as many blocks as there can be items, those with
// the same weights one after the other; 256 threads. Shared memory: 3 stages, each 64 columns of
// both; pieces of 16 bytes of row r are at positions xor r % 8. The aim is the rate of the tensor
// cores.
#include <cuda_runtime.h>

#include "cuda/bf16.cuh"
#include "cuda/check.h"
#include "cuda/gates.cuh"
#include "cuda/mma.cuh"
#include "ops/tile_product/tile_operand.cuh"
#include "ops/tile_product/tile_product.h"
#include "ops/tile_product/tile_product_items.cuh"

namespace minimax::ops::cuda {
namespace {

using hopper::Item;
using hopper::Kind;
using hopper::Params;
using minimax::cuda::shared_address;

constexpr int kMmaThreads = 256;
constexpr int kMmaRows = 128;  // of x, at most
constexpr int kMmaTiles = 8;   // of 16 rows of weights
constexpr int kMmaStages = 3;
constexpr int kStepColumns = 64;
constexpr int kWarpRows = 64;  // of x

struct MmaCall {
  Params params;
  const std::byte* x;
  const std::byte* first;   // gate, or the only weights
  const std::byte* second;  // up, or the same
  std::int64_t group_bytes;
  int inner;   // columns of x
  int blocks;  // of weights
};

template <class O>
struct MmaStage {
  std::byte x[kMmaRows * hopper::kRowBytes];
  std::byte weights[kMmaTiles * O::kTileBytes];  // pairs of tiles
};

/// Weights in rows of bf16 as tiles of 16 x 64.
struct RowTiles {
  static constexpr bool kRows = true;
  static constexpr int kTileBytes = 16 * hopper::kRowBytes;

  __device__ static void load(const std::byte* first, const std::byte* second,
                              std::uint32_t (&left)[4][2][4]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const std::byte* tile = lane / 8 % 2 == 0 ? first : second;
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        const int piece = (2 * s + lane / 16) ^ (lane % 8);
        minimax::cuda::load_blocks(
            left[s][m], shared_address(tile + (8 * m + lane % 8) * hopper::kRowBytes + 16 * piece));
      }
    }
  }
};

template <DeviceFormat format>
struct CodeTiles : hopper::IntegerOperand<format> {
  static constexpr bool kRows = false;
};

// ---- load

// The row of tiles, of 16 rows of weights, that tile `tile` of a block's stage comes from.
__device__ int row_of_tile(const Params& params, const Item& item, int tile) {
  return params.gated ? item.block * (kMmaTiles / 2) + tile / 2 : item.block * kMmaTiles + tile;
}

template <class O>
__device__ void load_weights(const MmaCall& call, const Item& item, int step, std::byte* to) {
  constexpr int kPieces = O::kTileBytes / 16;
  const std::int64_t group = item.group * call.group_bytes;
  for (int i = static_cast<int>(threadIdx.x); i < kMmaTiles * kPieces; i += kMmaThreads) {
    const int tile = i / kPieces;
    const int piece = i % kPieces;
    const int row_tile = row_of_tile(call.params, item, tile);
    const std::byte* from = (tile % 2 == 0 ? call.first : call.second) + group;
    if constexpr (O::kRows) {
      const int row = piece / 8;
      const int column = step * kStepColumns + piece % 8 * 8;
      const bool counts = row_tile * 16 + row < call.params.columns && column < call.inner;
      const std::int64_t at = static_cast<std::int64_t>(row_tile * 16 + row) * call.inner + column;
      minimax::cuda::copy_async_16(
          shared_address(to + tile * O::kTileBytes + row * hopper::kRowBytes +
                         (piece % 8 ^ row % 8) * 16),
          from + (counts ? 2 * at : 0), counts);
    } else {
      const bool counts = row_tile < call.params.row_tiles;
      const std::int64_t at = static_cast<std::int64_t>(row_tile) * call.params.steps + step;
      minimax::cuda::copy_async_16(shared_address(to + 16 * i),
                                   from + (counts ? at * O::kTileBytes + 16 * piece : 0), counts);
    }
  }
}

__device__ void load_x(const MmaCall& call, const Item& item, int step, std::byte* to) {
  for (int i = static_cast<int>(threadIdx.x); i < kMmaRows * 8; i += kMmaThreads) {
    const int row = i / 8;
    const int column = step * kStepColumns + i % 8 * 8;
    const bool counts = item.first_row + row < item.end_row && column < call.inner;
    const std::int64_t at = static_cast<std::int64_t>(item.first_row + row) * call.inner + column;
    minimax::cuda::copy_async_16(
        shared_address(to + row * hopper::kRowBytes + (i % 8 ^ row % 8) * 16),
        call.x + (counts ? 2 * at : 0), counts);
  }
}

template <class O>
__device__ void load_stage(const MmaCall& call, const Item& item, int step, MmaStage<O>* stages) {
  if (step < call.params.steps) {
    MmaStage<O>& stage = stages[step % kMmaStages];
    load_x(call, item, step, stage.x);
    load_weights<O>(call, item, step, stage.weights);
  }
  minimax::cuda::commit_copies_async();
}

// ---- multiply

using WarpSums = float[2][kWarpRows / 8][4];  // of operands m and eight rows of x

template <class O>
__device__ void multiply_stage(const MmaStage<O>& stage, int pair, int first_row, WarpSums& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  std::uint32_t left[4][2][4];
  O::load(stage.weights + 2 * pair * O::kTileBytes, stage.weights + (2 * pair + 1) * O::kTileBytes,
          left);
#pragma unroll
  for (int s = 0; s < 4; ++s) {
#pragma unroll
    for (int n = 0; n < kWarpRows / 16; ++n) {
      const int row = first_row + 16 * n + lane / 16 * 8 + lane % 8;
      const int piece = (2 * s + lane / 8 % 2) ^ (lane % 8);
      std::uint32_t right[4];
      minimax::cuda::load_blocks(right,
                                 shared_address(stage.x + row * hopper::kRowBytes + 16 * piece));
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        minimax::cuda::mma_bf16(sums[m][2 * n], left[s][m], right[0], right[1]);
        minimax::cuda::mma_bf16(sums[m][2 * n + 1], left[s][m], right[2], right[3]);
      }
    }
  }
}

// ---- store

// Rows 8 m + lane / 4 of the first tile of a pair are above the same rows of the second.
template <class Out>
__device__ void store_sums(const Params& params, const Item& item, int pair, int first_row,
                           const WarpSums& sums) {
  Out* out = static_cast<Out*>(params.out);
  const int column = row_of_tile(params, item, 2 * pair) * 16;
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < kWarpRows / 8; ++n) {
      const float(&sum)[4] = sums[m][n];
      const int row = item.first_row + first_row + 8 * n;
      if (params.gated) {
        hopper::store_block(out, params, row, item.end_row, column + 8 * m,
                            minimax::cuda::fast_silu(sum[0]) * sum[2],
                            minimax::cuda::fast_silu(sum[1]) * sum[3]);
      } else {
        hopper::store_block(out, params, row, item.end_row, column + 8 * m, sum[0], sum[1]);
        hopper::store_block(out, params, row, item.end_row, column + 16 + 8 * m, sum[2], sum[3]);
      }
    }
  }
}

template <class O>
__global__ void __launch_bounds__(kMmaThreads) mma_product_kernel(const MmaCall call) {
  extern __shared__ __align__(16) std::byte memory[];
  __shared__ int first_item[hopper::kMostGroups + 1];
  auto* stages = reinterpret_cast<MmaStage<O>*>(memory);
  if (threadIdx.x < 32) {
    hopper::count_items<kMmaRows>(call.params, call.blocks, first_item);
  }
  __syncthreads();
  const auto index = static_cast<int>(blockIdx.x);
  if (index >= first_item[call.params.groups]) {
    return;
  }
  const Item item = hopper::item_at<kMmaRows>(first_item, call.params, index);
  const int pair = static_cast<int>(threadIdx.x) / 32 % 4;
  const int first_row = static_cast<int>(threadIdx.x) / 128 * kWarpRows;
  WarpSums sums = {};
  for (int step = 0; step < kMmaStages - 1; ++step) {
    load_stage<O>(call, item, step, stages);
  }
  for (int step = 0; step < call.params.steps; ++step) {
    minimax::cuda::wait_copies_async<kMmaStages - 2>();
    __syncthreads();  // everybody's have come, and the stage before is free
    load_stage<O>(call, item, step + kMmaStages - 1, stages);
    multiply_stage<O>(stages[step % kMmaStages], pair, first_row, sums);
  }
  if (call.params.out_is_float) {
    store_sums<float>(call.params, item, pair, first_row, sums);
  } else {
    store_sums<__nv_bfloat16>(call.params, item, pair, first_row, sums);
  }
}

template <class O>
void launch(const TileProduct& args, minimax::cuda::Stream stream) {
  const bool gated = args.up.data != nullptr;
  const std::int64_t rows = kMmaTiles * 16 / (gated ? 2 : 1);  // of weights, of a block
  const MmaCall call = {
      .params = {.gated = gated,
                 .row_tiles = static_cast<int>(args.layout.row_tiles()),
                 .steps = static_cast<int>((args.layout.columns + kStepColumns - 1) / kStepColumns),
                 .offsets = args.offsets,
                 .groups = static_cast<int>(args.groups),
                 .columns = static_cast<int>(args.layout.rows),
                 .x_scales = nullptr,
                 .out = args.out,
                 .out_is_float = args.out_is_float,
                 .zero = 0},
      .x = static_cast<const std::byte*>(args.x),
      .first = static_cast<const std::byte*>(args.weight.data),
      .second = static_cast<const std::byte*>(gated ? args.up.data : args.weight.data),
      .group_bytes = args.weight.group_bytes,
      .inner = static_cast<int>(args.layout.columns),
      .blocks = static_cast<int>((args.layout.rows + rows - 1) / rows)};
  constexpr int kBytes = kMmaStages * static_cast<int>(sizeof(MmaStage<O>));
  minimax::cuda::check(cudaFuncSetAttribute(mma_product_kernel<O>,
                                            cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
                       "tile_product: shared memory");
  const auto items = static_cast<unsigned>(call.blocks * (args.rows / kMmaRows + args.groups));
  mma_product_kernel<O><<<items, kMmaThreads, kBytes, stream>>>(call);
  minimax::cuda::check_launch("tile_product");
}

}  // namespace

void tile_product_mma(const TileProduct& args, minimax::cuda::Stream stream) {
  switch (args.layout.format) {
    case DeviceFormat::kInt4G64:
      return launch<CodeTiles<DeviceFormat::kInt4G64>>(args, stream);
    case DeviceFormat::kInt4G32:
      return launch<CodeTiles<DeviceFormat::kInt4G32>>(args, stream);
    case DeviceFormat::kInt8G32:
      return launch<CodeTiles<DeviceFormat::kInt8G32>>(args, stream);
    default:
      return launch<RowTiles>(args, stream);
  }
}

}  // namespace minimax::ops::cuda
