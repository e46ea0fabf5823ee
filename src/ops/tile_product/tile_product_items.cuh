// SPDX-License-Identifier: Apache-2.0
// What the kernels of tile_product.h share: how the rows of the groups are divided into items of
// work, the stages of their pipelines, and how sums get to memory.
#pragma once

#include <cstdint>

#include "cuda/barrier.cuh"
#include "cuda/bf16.cuh"
#include "cuda/mma.cuh"

namespace minimax::ops::cuda::hopper {

using minimax::cuda::Barrier;

constexpr int kWarpgroup = 128;  // threads
constexpr int kThreads = 3 * kWarpgroup;
constexpr int kUnit = 16;  // rows of x come in multiples of it
constexpr int kMostGroups = 256;
constexpr int kRowBytes = 128;  // of a row of x in a stage
constexpr int kBoxRows = 64;    // of x in a copy

struct Params {
  bool gated;
  int row_tiles;
  int steps;  // stages that a sum takes
  const std::int32_t* offsets;
  int groups;
  int columns;            // of out
  const float* x_scales;  // where numbers are e4m3
  void* out;
  bool out_is_float;
  std::uint32_t zero;     // hides from the compiler that two registers are equal
  bool up_first = false;  // of the rows of weights in a stage
};

struct Item {
  int group;
  int block;  // of rows of weights
  int first_row;
  int end_row;
  int width;  // multiple of kUnit
};

// How many items a block's products with so many rows of x are.
template <int tile_rows>
__device__ int items_of(int rows) {
  return (rows + tile_rows - 1) / tile_rows;
}

// Rows of x that item `part` of a group has, of so many units in so many parts.
template <int tile_rows>
__device__ Item item_at(const int* first_item, const Params& params, int index) {
  int low = 0;  // the last group that begins at or before `index`
  int high = params.groups;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (first_item[middle] <= index ? low : high) = middle;
  }
  const int begin = params.offsets[low];
  const int rows = params.offsets[low + 1] - begin;
  const int parts = items_of<tile_rows>(rows);
  const int local = index - first_item[low];
  const int part = local % parts;
  const int units = (rows + kUnit - 1) / kUnit;
  const int first_unit = part * (units / parts) + min(part, units % parts);
  Item item;
  item.group = low;
  item.block = local / parts;
  item.width = kUnit * (units / parts + (part < units % parts ? 1 : 0));
  item.first_row = begin + first_unit * kUnit;
  item.end_row = min(begin + rows, item.first_row + item.width);
  return item;
}

// Which stage is next, and the parity of the phase in which it is filled.
template <int stages>
struct Turn {
  int stage = 0;
  int parity = 0;
  __device__ void next() {
    if (++stage == stages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

// One warp counts the items of every group.
template <int tile_rows>
__device__ void count_items(const Params& params, int blocks, int* first_item) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int sum = 0;
  for (int base = 0; base < params.groups; base += 32) {
    const int group = base + lane;
    int count =
        group < params.groups
            ? blocks * items_of<tile_rows>(params.offsets[group + 1] - params.offsets[group])
            : 0;
    const int own = count;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      const int other = __shfl_up_sync(0xffffffffu, count, distance);
      count += lane >= distance ? other : 0;
    }
    if (group < params.groups) {
      first_item[group] = sum + count - own;
    }
    sum += __shfl_sync(0xffffffffu, count, 31);
  }
  if (lane == 0) {
    first_item[params.groups] = sum;
  }
}

// ---- store

__device__ inline void store_pair(__nv_bfloat16* out, std::uint32_t pair) {
  *reinterpret_cast<std::uint32_t*>(out) = pair;
}

// Eight columns of out: `first`, `second` are this lane's numbers of column lane / 4 for rows
// 2 (lane % 4) and + 1.
__device__ inline void store_block(__nv_bfloat16* out, const Params& params, int row, int end_row,
                                   int column, float first, float second) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::uint32_t pair =
      minimax::cuda::transpose_block(minimax::cuda::pack_bf16(first, second));
  if (row + lane / 4 < end_row && column < params.columns) {
    store_pair(
        out + static_cast<std::int64_t>(row + lane / 4) * params.columns + column + lane % 4 * 2,
        pair);
  }
}

__device__ inline void store_block(float* out, const Params& params, int row, int end_row,
                                   int column, float first, float second) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int at = row + lane % 4 * 2;
  if (column >= params.columns) {
    return;
  }
  out += static_cast<std::int64_t>(at) * params.columns + column + lane / 4;
  if (at < end_row) {
    out[0] = first;
  }
  if (at + 1 < end_row) {
    out[params.columns] = second;
  }
}

}  // namespace minimax::ops::cuda::hopper
