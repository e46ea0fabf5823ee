// SPDX-License-Identifier: Apache-2.0
// The kernel of tile_product.h for weights that are rows of bf16 numbers.
//
// Both operands stay in shared memory, which two warpgroups read, 64 rows of weights by up to 256
// rows of x each. Two blocks form a cluster: they have neighbouring rows of weights and the same
// rows of x, of which either loads half for both. The L2 cache gives about 25 bytes a clock and
// multiprocessor, and 24 to 32 are what the tensor cores take at full rate then; without the other
// block, or with smaller tiles, it would be 48.
//
// Grid: a block a multiprocessor, 384 threads: one that loads, two warpgroups that multiply.
// Shared memory: 4 stages, each 64 columns of 128 rows of weights and 256 of x. With `up`, weights
// come by turns in eight rows of gate and the same eight of up, so that a thread has the sums of
// both.
#pragma once

#include <cuda.h>

#include "cuda/barrier.cuh"
#include "cuda/gates.cuh"
#include "cuda/mma.cuh"
#include "cuda/tma.cuh"
#include "cuda/wgmma.cuh"
#include "cuda/wgmma_tiles.cuh"
#include "cuda/wgmma_wide.cuh"
#include "ops/tile_product/tile_product_items.cuh"

namespace minimax::ops::cuda::hopper {

constexpr int kWideRows = 256;   // of x, at most
constexpr int kWideBlock = 128;  // rows of weights
constexpr int kWideStages = 4;
constexpr int kWideXBytes = kWideRows * kRowBytes;
constexpr int kWideStageBytes = kWideXBytes + kWideBlock * kRowBytes;
constexpr int kCluster = 2;

struct alignas(1024) WideShared {
  std::byte stages[kWideStages][kWideStageBytes];
  Barrier full[kWideStages];
  Barrier empty[kWideStages];  // of both blocks' warps
  int first_item[kMostGroups + 1];
};

using WideTurn = Turn<kWideStages>;

/// What the copy engine reads; weights are pairs of matrices where gated.
struct WideMaps {
  CUtensorMap x;
  CUtensorMap weight;
};

// ---- load

// One thread. An item is of both blocks.
__device__ inline void load_wide(WideShared& shared, const WideMaps& maps, const Params& params,
                                 const Item& item, WideTurn& turn) {
  const int rank = minimax::cuda::rank_in_cluster();
  const int boxes = (item.width + kBoxRows - 1) / kBoxRows;
  const int bytes = (boxes * kBoxRows + kWideBlock) * kRowBytes;
  const int block = kCluster * item.block + rank;
  for (int step = 0; step < params.steps; ++step, turn.next()) {
    std::byte* stage = shared.stages[turn.stage];
    Barrier& full = shared.full[turn.stage];
    const int column = step * (kRowBytes / 2);
    minimax::cuda::wait(shared.empty[turn.stage], turn.parity ^ 1);
    minimax::cuda::arrive_expecting(full, bytes);
    for (int box = rank; box < boxes; box += kCluster) {
      minimax::cuda::load_box_to_blocks(stage + box * kBoxRows * kRowBytes, maps.x, column,
                                        item.first_row + kBoxRows * box, full,
                                        (1u << kCluster) - 1);
    }
    if (params.gated) {
      minimax::cuda::load_pair_box(stage + kWideXBytes, maps.weight, column,
                                   block * (kWideBlock / 16), item.group, full);
    } else {
      minimax::cuda::load_box_of(stage + kWideXBytes, maps.weight, column, block * kWideBlock,
                                 item.group, full);
    }
  }
}

// ---- multiply

// A warp is done with a stage of its block, and with what its block has of the other's loads.
__device__ inline void release_wide(WideShared& shared, int stage) {
  __syncwarp();
  const auto lane = threadIdx.x % 32;
  if (lane == 0) {
    minimax::cuda::arrive(shared.empty[stage]);
  } else if (lane == 1) {
    minimax::cuda::arrive_in_block(shared.empty[stage], minimax::cuda::rank_in_cluster() ^ 1);
  }
}

// A stage is released when products of the next one have been started.
template <int width>
__device__ void multiply_wide(WideShared& shared, const Params& params, WideTurn& turn,
                              float (&sums)[width / 2]) {
  const int warpgroup = static_cast<int>(threadIdx.x) / kWarpgroup;
  int previous = -1;
  for (int step = 0; step < params.steps; ++step, turn.next()) {
    const std::uint32_t stage = minimax::cuda::shared_address(shared.stages[turn.stage]);
    const auto right = minimax::cuda::operand_at(stage);
    const auto left = minimax::cuda::operand_at(stage + kWideXBytes + warpgroup * 64 * kRowBytes);
    minimax::cuda::wait(shared.full[turn.stage], turn.parity);
    minimax::cuda::pin(sums);
    minimax::cuda::fence_products();
#pragma unroll
    for (int s = 0; s < 4; ++s) {
      minimax::cuda::multiply_tiles(sums, minimax::cuda::advance(left, 32 * s),
                                    minimax::cuda::advance(right, 32 * s));
    }
    minimax::cuda::commit_products();
    minimax::cuda::wait_products<1>();
    if (previous >= 0) {
      release_wide(shared, previous);
    }
    previous = turn.stage;
  }
  minimax::cuda::wait_products<0>();
  minimax::cuda::pin(sums);
  release_wide(shared, previous);
}

// ---- store

// Sums are of rows lane / 4 and lane / 4 + 8 of a warp's 16.
template <class Out, int width>
__device__ void store_wide(const Params& params, const Item& item, const float (&sums)[width / 2]) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int block = kCluster * item.block + minimax::cuda::rank_in_cluster();
  Out* out = static_cast<Out*>(params.out);
  const int column =
      params.gated ? block * (kWideBlock / 2) + 8 * warp : block * kWideBlock + 16 * warp;
#pragma unroll
  for (int i = 0; i < width / 8; ++i) {
    const float* low = sums + 4 * i;
    const float* high = low + 2;
    const int row = item.first_row + 8 * i;
    if (params.gated) {
      const float gate[2] = {params.up_first ? high[0] : low[0],
                             params.up_first ? high[1] : low[1]};
      const float up[2] = {params.up_first ? low[0] : high[0], params.up_first ? low[1] : high[1]};
      store_block(out, params, row, item.end_row, column, minimax::cuda::fast_silu(gate[0]) * up[0],
                  minimax::cuda::fast_silu(gate[1]) * up[1]);
    } else {
      store_block(out, params, row, item.end_row, column, low[0], low[1]);
      store_block(out, params, row, item.end_row, column + 8, high[0], high[1]);
    }
  }
}

template <int width>
__device__ void compute_wide_item(WideShared& shared, const Params& params, const Item& item,
                                  WideTurn& turn) {
  float sums[width / 2];
#pragma unroll
  for (float& value : sums) {
    value = 0.0f;
  }
  multiply_wide<width>(shared, params, turn, sums);
  if (params.out_is_float) {
    store_wide<float, width>(params, item, sums);
  } else {
    store_wide<__nv_bfloat16, width>(params, item, sums);
  }
}

// Columns of a product that no row of x is loaded for are not stored.
__device__ inline void compute_wide(WideShared& shared, const Params& params, const Item& item,
                                    WideTurn& turn) {
  switch (item.width / kUnit) {
    case 16:
      return compute_wide_item<256>(shared, params, item, turn);
    case 15:
      return compute_wide_item<240>(shared, params, item, turn);
    case 14:
      return compute_wide_item<224>(shared, params, item, turn);
    case 13:
      return compute_wide_item<208>(shared, params, item, turn);
    case 12:
      return compute_wide_item<192>(shared, params, item, turn);
    case 11:
      return compute_wide_item<176>(shared, params, item, turn);
    case 10:
      return compute_wide_item<160>(shared, params, item, turn);
    case 9:
      return compute_wide_item<144>(shared, params, item, turn);
    case 8:
    case 7:
      return compute_wide_item<128>(shared, params, item, turn);
    case 6:
    case 5:
      return compute_wide_item<96>(shared, params, item, turn);
    case 4:
    case 3:
      return compute_wide_item<64>(shared, params, item, turn);
    default:
      return compute_wide_item<32>(shared, params, item, turn);
  }
}

// ---- the kernel

__device__ inline void start_wide(WideShared& shared, const Params& params) {
  if (threadIdx.x < 32) {
    const int rows = params.gated ? kWideBlock / 2 : kWideBlock;
    const int blocks = (params.columns + rows - 1) / rows;
    count_items<kWideRows>(params, (blocks + kCluster - 1) / kCluster, shared.first_item);
  } else if (threadIdx.x == 32) {
    for (int i = 0; i < kWideStages; ++i) {
      minimax::cuda::init_barrier(shared.full[i], 1);
      minimax::cuda::init_barrier(shared.empty[i], kCluster * 2 * kWarpgroup / 32);
    }
    minimax::cuda::publish_barriers();
  }
  __syncthreads();
  minimax::cuda::sync_cluster();
}

template <int threads>
__global__ void __launch_bounds__(threads, 1)
    wide_product_kernel(const __grid_constant__ WideMaps maps, const Params params) {
  extern __shared__ __align__(1024) std::byte memory[];
  auto& shared = *reinterpret_cast<WideShared*>(memory);
  start_wide(shared, params);
  const int items = shared.first_item[params.groups];
  const int clusters = static_cast<int>(gridDim.x) / kCluster;
  const int first = static_cast<int>(blockIdx.x) / kCluster;
  WideTurn turn;
  if (threadIdx.x >= 2 * kWarpgroup) {
    minimax::cuda::give_registers_back<24>();
    if (threadIdx.x == 2 * kWarpgroup) {
      for (int i = first; i < items; i += clusters) {
        load_wide(shared, maps, params, item_at<kWideRows>(shared.first_item, params, i), turn);
      }
    }
    __syncwarp();
  } else {
    minimax::cuda::take_registers<240>();
    for (int i = first; i < items; i += clusters) {
      compute_wide(shared, params, item_at<kWideRows>(shared.first_item, params, i), turn);
    }
  }
  minimax::cuda::sync_cluster();  // the other block may still write here
}

}  // namespace minimax::ops::cuda::hopper
