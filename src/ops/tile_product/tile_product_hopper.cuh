// SPDX-License-Identifier: Apache-2.0
// The kernel of tile_product.h.
//
// Grid: a block a multiprocessor, 384 threads: one warp that loads, two warpgroups that multiply.
// A work item is 256 rows of weights (128 of gate and the same 128 of up) by up to 128 rows of x:
// the rows of a group are shared out evenly, in units of 16, among as few items as possible. Items
// that follow each other have the same weights, so that these are read from memory once.
// Shared memory: 4 to 8 stages, each 64 columns (128 of e4m3 numbers) of both.
// Bytes of memory: weights, x and out once; of the L2 cache: 24 a clock and multiprocessor at the
// full rate of the tensor cores for weights of 4 bits, 48 for bf16.
#pragma once

#include <cuda.h>

#include "cuda/barrier.cuh"
#include "cuda/bf16.cuh"
#include "cuda/gates.cuh"
#include "cuda/mma.cuh"
#include "cuda/tma.cuh"
#include "cuda/wgmma.cuh"
#include "cuda/wgmma_left.cuh"
#include "cuda/wgmma_left_e4m3.cuh"
#include "cuda/wgmma_tiles.cuh"
#include "ops/device_matrix/device_formats.cuh"
#include "ops/tile_product/tile_operand.cuh"
#include "ops/tile_product/tile_product_items.cuh"

namespace minimax::ops::cuda::hopper {

constexpr int kTileRows = 128;    // of x, at most
constexpr int kWeightTiles = 16;  // of 16 rows of weights
constexpr int kBoxTiles = 8;      // rows of tiles in a copy

template <class O>
struct Sizes {
  static constexpr int kWeightBytes = kWeightTiles * O::kTileBytes;
  static constexpr int kXBytes = kTileRows * kRowBytes;
  static constexpr int kUsed = kXBytes + kWeightBytes;
  static constexpr int kStageBytes = (kUsed + 1023) / 1024 * 1024;
  static constexpr int kStages = (224 * 1024) / kStageBytes < 8 ? (224 * 1024) / kStageBytes : 8;
};

template <class O>
struct alignas(1024) Shared {
  std::byte stages[Sizes<O>::kStages][Sizes<O>::kStageBytes];
  Barrier full[Sizes<O>::kStages];
  Barrier empty[Sizes<O>::kStages];
  int first_item[kMostGroups + 1];
};

// ---- load

constexpr int kHalfRows = 16 * kBoxTiles;  // of weights

// The first row of one half of the weights.
__device__ inline int first_weight_row(const Params& params, const Item& item, int half) {
  return (params.gated ? item.block : 2 * item.block + half) * kHalfRows;
}

/// What the copy engine reads: rows of x, weights, and those of up or the same again.
struct Maps {
  CUtensorMap x;
  CUtensorMap weight[2];
};

// One thread.
template <class O>
__device__ void load_item(Shared<O>& shared, const Maps& maps, const Params& params,
                          const Item& item, Turn<Sizes<O>::kStages>& turn) {
  const int boxes = (item.width + kBoxRows - 1) / kBoxRows;
  const int bytes = boxes * kBoxRows * kRowBytes + Sizes<O>::kWeightBytes;
  for (int step = 0; step < params.steps; ++step, turn.next()) {
    std::byte* stage = shared.stages[turn.stage];
    Barrier& full = shared.full[turn.stage];
    minimax::cuda::wait(shared.empty[turn.stage], turn.parity ^ 1);
    minimax::cuda::arrive_expecting(full, bytes);
    for (int box = 0; box < boxes; ++box) {
      minimax::cuda::load_box(stage + box * kBoxRows * kRowBytes, maps.x, step * (kRowBytes / 2),
                              item.first_row + kBoxRows * box, full);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      std::byte* to = stage + Sizes<O>::kXBytes + half * (Sizes<O>::kWeightBytes / 2);
      const int row = first_weight_row(params, item, half);
      if constexpr (O::kKind == Kind::kRows) {
        minimax::cuda::load_box_of(to, maps.weight[half], step * (kRowBytes / 2), row, item.group,
                                   full);
      } else {
        minimax::cuda::load_tiles(to, maps.weight[half], step * O::kTiles, row / 16, item.group,
                                  full);
      }
    }
  }
}

// ---- store

// What sums stand for: of rows lane / 4 and lane / 4 + 8 of a warp's 16, in its operands m.
enum class Sums {
  kHalves,  // 16 rows of the first half of the weights, and of the second
  kPairs,   // rows 8 m and on of a tile, and of the tile beside it
};

// Where they go: the first column of out.
template <Sums kind>
__device__ int first_column(const Params& params, const Item& item, int warp) {
  const int rows = first_weight_row(params, item, 0);
  return rows + (kind == Sums::kPairs && !params.gated ? 32 : 16) * warp;
}

template <Sums kind, class Out, int width>
__device__ void store_item_as(const Params& params, const Item& item, int warp,
                              const float (&sums)[2][width / 2]) {
  Out* out = static_cast<Out*>(params.out);
  const int column = first_column<kind>(params, item, warp);
#pragma unroll
  for (int i = 0; i < width / 8; ++i) {
    const int row = item.first_row + 8 * i;
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      // Gate and up of columns 8 j and on, or those columns of both halves or tiles.
      const float* first = kind == Sums::kHalves ? sums[0] + 4 * i + 2 * j : sums[j] + 4 * i;
      const float* second = kind == Sums::kHalves ? sums[1] + 4 * i + 2 * j : sums[j] + 4 * i + 2;
      if (params.gated) {
        store_block(out, params, row, item.end_row, column + 8 * j,
                    minimax::cuda::fast_silu(first[0]) * second[0],
                    minimax::cuda::fast_silu(first[1]) * second[1]);
      } else {
        const int apart = kind == Sums::kHalves ? kHalfRows : 16;
        store_block(out, params, row, item.end_row, column + 8 * j, first[0], first[1]);
        store_block(out, params, row, item.end_row, column + apart + 8 * j, second[0], second[1]);
      }
    }
  }
}

// Sums of e4m3 numbers times the scales of the rows of x.
template <int width>
__device__ void scale_rows(const float* scales, const Item& item, float (&sums)[2][width / 2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int i = 0; i < width / 2; ++i) {
    const int row = item.first_row + i / 4 * 8 + lane % 4 * 2 + i % 2;
    const float scale = row < item.end_row ? scales[row] : 0.0f;
    sums[0][i] *= scale;
    sums[1][i] *= scale;
  }
}

template <Sums kind, int width>
__device__ void store_item(const Params& params, const Item& item, int warp,
                           const float (&sums)[2][width / 2]) {
  if (params.out_is_float) {
    store_item_as<kind, float, width>(params, item, warp, sums);
  } else {
    store_item_as<kind, __nv_bfloat16, width>(params, item, warp, sums);
  }
}

// ---- multiply

// A warp's two tiles of a stage: a gate tile and the up tile beside it, or neighbours.
template <class O>
struct TilePair {
  const std::byte* first;
  const std::byte* second;
};

template <class O>
__device__ TilePair<O> tiles_of(const std::byte* stage, bool gated, int warp) {
  const std::byte* tiles = stage + Sizes<O>::kXBytes;
  return {tiles + (gated ? warp : 2 * warp) * O::kTileBytes,
          tiles + (gated ? warp + kWeightTiles / 2 : 2 * warp + 1) * O::kTileBytes};
}

// A warp is done with a stage.
template <class O>
__device__ void release(Shared<O>& shared, int stage) {
  __syncwarp();
  if (threadIdx.x % 32 == 0) {
    minimax::cuda::arrive(shared.empty[stage]);
  }
}

template <int width>
__device__ void pin_sums(float (&sums)[2][width / 2]) {
  minimax::cuda::pin(sums[0]);
  minimax::cuda::pin(sums[1]);
}

// Products of bf16 numbers, 64 columns a stage, started.
template <int width>
__device__ void start_stage(const std::byte* stage, std::uint32_t (&left)[4][2][4],
                            float (&sums)[2][width / 2]) {
  const auto right = minimax::cuda::operand_at(minimax::cuda::shared_address(stage));
  pin_sums<width>(sums);
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    minimax::cuda::pin(left[i / 2][i % 2]);
  }
  minimax::cuda::fence_products();
#pragma unroll
  for (int s = 0; s < 4; ++s) {
#pragma unroll
    for (int m = 0; m < 2; ++m) {
      minimax::cuda::multiply_left(sums[m], left[s][m], minimax::cuda::advance(right, 32 * s));
    }
  }
  minimax::cuda::commit_products();
}

template <class O>
__device__ void load_operand(Shared<O>& shared, const Params& params, int warp,
                             const Turn<Sizes<O>::kStages>& turn, std::uint32_t (&left)[4][2][4]) {
  const auto tiles = tiles_of<O>(shared.stages[turn.stage], params.gated, warp);
  minimax::cuda::wait(shared.full[turn.stage], turn.parity);
  O::load(tiles.first, tiles.second, left);
}

// The operand of a stage is unpacked while products of the last one run. Registers that products
// read may not be written meanwhile, so it is copied at the end.
template <class O, int width>
__device__ void multiply_item(Shared<O>& shared, const Params& params, int warp,
                              Turn<Sizes<O>::kStages>& turn, float (&sums)[2][width / 2])
  requires(O::kKind == Kind::kUnpacked)
{
  std::uint32_t next[4][2][4];
  load_operand<O>(shared, params, warp, turn, next);
  for (int step = 0; step < params.steps; ++step) {
    std::uint32_t left[4][2][4];
#pragma unroll
    for (int i = 0; i < 32; ++i) {
      left[i / 8][i / 4 % 2][i % 4] = next[i / 8][i / 4 % 2][i % 4] ^ params.zero;
    }
    const int stage = turn.stage;
    start_stage<width>(shared.stages[stage], left, sums);
    turn.next();
    if (step + 1 < params.steps) {
      load_operand<O>(shared, params, warp, turn, next);
    }
    minimax::cuda::wait_products<0>();
    pin_sums<width>(sums);
    release(shared, stage);
  }
}

// Sums of rows of the first half of the weights, and of the same rows of the second; a stage is
// released when products of the next one have been started.
template <class O, int width>
__device__ void multiply_item(Shared<O>& shared, const Params& params, int warp,
                              Turn<Sizes<O>::kStages>& turn, float (&sums)[2][width / 2])
  requires(O::kKind == Kind::kRows)
{
  constexpr int kOwnRows = 64;  // of a warpgroup, of either half
  int previous = -1;
  for (int step = 0; step < params.steps; ++step, turn.next()) {
    const std::uint32_t stage = minimax::cuda::shared_address(shared.stages[turn.stage]);
    const auto right = minimax::cuda::operand_at(stage);
    const auto left =
        minimax::cuda::operand_at(stage + Sizes<O>::kXBytes + warp / 4 * kOwnRows * kRowBytes);
    minimax::cuda::wait(shared.full[turn.stage], turn.parity);
    pin_sums<width>(sums);
    minimax::cuda::fence_products();
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        minimax::cuda::multiply_tiles(
            sums[m], minimax::cuda::advance(left, 32 * s + m * (Sizes<O>::kWeightBytes / 2)),
            minimax::cuda::advance(right, 32 * s));
      }
    }
    minimax::cuda::commit_products();
    minimax::cuda::wait_products<1>();
    if (previous >= 0) {
      release(shared, previous);
    }
    previous = turn.stage;
  }
  minimax::cuda::wait_products<0>();
  pin_sums<width>(sums);
  release(shared, previous);
}

// part times the scales of its two rows, added up; for `count` columns.
template <int count>
__device__ void add_scaled(const float (&part)[count / 2], float first_scale, float second_scale,
                           float* sums) {
#pragma unroll
  for (int i = 0; i < count / 2; i += 4) {
    sums[i] += part[i] * first_scale;
    sums[i + 1] += part[i + 1] * first_scale;
    sums[i + 2] += part[i + 2] * second_scale;
    sums[i + 3] += part[i + 3] * second_scale;
  }
}

// Products of e4m3 numbers over 128 columns, started.
template <int count>
__device__ void start_part(const std::uint32_t (&left)[4][4], minimax::cuda::Operand right,
                           float (&part)[count / 2]) {
  minimax::cuda::fence_products();
#pragma unroll
  for (int s = 0; s < 4; ++s) {
    minimax::cuda::multiply_left_e4m3(part, left[s], minimax::cuda::advance(right, 32 * s), s > 0);
  }
  minimax::cuda::commit_products();
}

// Operand m of a stage for all of its rows of x, of which the first kFirst have been started in
// `part`; when this returns, those of the other operand have. Two sums run in turn: while one does,
// the other is scaled and added up.
template <class O, int width>
__device__ void add_operand(const TilePair<O>& tiles, int m, const std::uint32_t (&left)[2][4][4],
                            minimax::cuda::Operand right,
                            float (&part)[(width > 64 ? 64 : width) / 2],
                            float (&sums)[width / 2]) {
  constexpr int kFirst = width > 64 ? 64 : width;  // rows of x in the first part
  constexpr int kRest = width - kFirst;
  const float first = O::scale(tiles.first, m);
  const float second = O::scale(tiles.second, m);
  if constexpr (kRest > 0) {
    float rest[kRest / 2];
    start_part<kRest>(left[m], minimax::cuda::advance(right, kFirst * kRowBytes), rest);
    minimax::cuda::wait_products<1>();
    minimax::cuda::pin(part);
    add_scaled<kFirst>(part, first, second, sums);
    if (m == 0) {
      start_part<kFirst>(left[1], right, part);
      minimax::cuda::wait_products<1>();
    } else {
      minimax::cuda::wait_products<0>();
    }
    minimax::cuda::pin(rest);
    add_scaled<kRest>(rest, first, second, sums + kFirst / 2);
  } else {
    minimax::cuda::wait_products<0>();
    minimax::cuda::pin(part);
    add_scaled<kFirst>(part, first, second, sums);
    if (m == 0) {
      start_part<kFirst>(left[1], right, part);
    }
  }
}

template <class O, int width>
__device__ void multiply_item(Shared<O>& shared, const Params& params, int warp,
                              Turn<Sizes<O>::kStages>& turn, float (&sums)[2][width / 2])
  requires(O::kKind == Kind::kE4M3)
{
  constexpr int kFirst = width > 64 ? 64 : width;
  for (int step = 0; step < params.steps; ++step, turn.next()) {
    const std::byte* stage = shared.stages[turn.stage];
    const auto tiles = tiles_of<O>(stage, params.gated, warp);
    const auto right = minimax::cuda::operand_at(minimax::cuda::shared_address(stage));
    minimax::cuda::wait(shared.full[turn.stage], turn.parity);
    std::uint32_t left[2][4][4];
    O::load(tiles.first, tiles.second, left);
    float part[kFirst / 2];
    start_part<kFirst>(left[0], right, part);
#pragma unroll
    for (int m = 0; m < 2; ++m) {
      add_operand<O, width>(tiles, m, left, right, part, sums[m]);
    }
    release(shared, turn.stage);
  }
}

template <class O, int width>
__device__ void compute_item(Shared<O>& shared, const Params& params, const Item& item,
                             Turn<Sizes<O>::kStages>& turn) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
  float sums[2][width / 2];
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (float& value : sums[m]) {
      value = 0.0f;
    }
  }
  multiply_item<O, width>(shared, params, warp, turn, sums);
  if constexpr (O::kKind == Kind::kE4M3) {
    scale_rows<width>(params.x_scales, item, sums);
  }
  constexpr Sums kSums = O::kKind == Kind::kRows ? Sums::kHalves : Sums::kPairs;
  store_item<kSums, width>(params, item, warp, sums);
}

template <class O>
__device__ void compute_items(Shared<O>& shared, const Params& params, const Item& item,
                              Turn<Sizes<O>::kStages>& turn) {
  switch (item.width / kUnit) {
    case 1:
      return compute_item<O, 16>(shared, params, item, turn);
    case 2:
      return compute_item<O, 32>(shared, params, item, turn);
    case 3:
      return compute_item<O, 48>(shared, params, item, turn);
    case 4:
      return compute_item<O, 64>(shared, params, item, turn);
    case 5:
      return compute_item<O, 80>(shared, params, item, turn);
    case 6:
      return compute_item<O, 96>(shared, params, item, turn);
    case 7:
      return compute_item<O, 112>(shared, params, item, turn);
    default:
      return compute_item<O, 128>(shared, params, item, turn);
  }
}

// ---- the kernel

template <class O>
__device__ void start_block(Shared<O>& shared, const Params& params) {
  if (threadIdx.x < 32) {
    const int tiles = params.gated ? kWeightTiles / 2 : kWeightTiles;
    count_items<kTileRows>(params, (params.row_tiles + tiles - 1) / tiles, shared.first_item);
  } else if (threadIdx.x == 32) {
    for (int i = 0; i < Sizes<O>::kStages; ++i) {
      minimax::cuda::init_barrier(shared.full[i], 1);
      minimax::cuda::init_barrier(shared.empty[i], 2 * kWarpgroup / 32);
    }
    minimax::cuda::publish_barriers();
  }
  __syncthreads();
}

template <class O>
__global__ void __launch_bounds__(kThreads, 1)
    tile_product_kernel(const __grid_constant__ Maps maps, const Params params) {
  extern __shared__ __align__(1024) std::byte memory[];
  auto& shared = *reinterpret_cast<Shared<O>*>(memory);
  start_block(shared, params);
  const int items = shared.first_item[params.groups];
  Turn<Sizes<O>::kStages> turn;
  if (threadIdx.x >= 2 * kWarpgroup) {
    minimax::cuda::give_registers_back<24>();
    if (threadIdx.x == 2 * kWarpgroup) {
      for (int i = static_cast<int>(blockIdx.x); i < items; i += static_cast<int>(gridDim.x)) {
        load_item(shared, maps, params, item_at<kTileRows>(shared.first_item, params, i), turn);
      }
    }
  } else {
    minimax::cuda::take_registers<240>();
    for (int i = static_cast<int>(blockIdx.x); i < items; i += static_cast<int>(gridDim.x)) {
      compute_items<O>(shared, params, item_at<kTileRows>(shared.first_item, params, i), turn);
    }
  }
}

}  // namespace minimax::ops::cuda::hopper
