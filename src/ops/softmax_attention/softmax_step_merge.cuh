// SPDX-License-Identifier: Apache-2.0
// The second kernel of decoding on Hopper: partial results of items that lie in several parts
// (softmax_step_work.cuh) to rows of the output. Some 100 KB from the L2 cache: it is the time of a
// launch and of two reads after each other.
#pragma once

#include "cuda/bf16.cuh"
#include "cuda/launch_order.cuh"
#include "ops/softmax_attention/softmax_step_work.cuh"

namespace minimax::ops::cuda::softmax_step {

using minimax::cuda::pack_bf16;

constexpr int kDim = 128;
constexpr int kSlot = kRows * (kDim + 2);  // floats of a partial result
constexpr float kLowest = -1e30f;          // a maximum before the first key: finite, so never NaN

__device__ inline float fast_exp2(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// The row of q and out, [T H, D], of a row of a part.
__device__ inline std::int64_t out_row(const Params& params, const Part& part, int row) {
  const int group = params.heads / params.kv_heads;
  const int all = part.first_row + row;
  return (params.cu_seqlens[part.sequence] + all / group) * params.heads + part.kv_head * group +
         all % group;
}

constexpr int kMergeRows = 2;    // of a block
constexpr int kMergeWarps = 4;   // of a row
constexpr int kMergePieces = 8;  // that a warp has on their way at a time

/// A part of an item as the second kernel finds it.
struct Pieces {
  const float* partials;
  int first;       // block that has the item's first part
  int last;        // and its last
  bool is_second;  // whether that is the first block's second partial result
  int row;

  __device__ const float* at(int block) const {
    const int number = 2 * block + (block == first && is_second ? 1 : 0);
    return partials + static_cast<std::int64_t>(number) * kSlot + row * (kDim + 2);
  }
};

/// A running softmax over partial results of a row; a lane has four columns.
struct Merged {
  float most = kLowest;
  float weight = 0.0f;
  float4 sum = {};

  __device__ void add(float other_most, float other_weight, const float4& other, float scale_log2) {
    const float all = fmaxf(most, other_most);
    const float own = fast_exp2((most - all) * scale_log2);
    const float factor = fast_exp2((other_most - all) * scale_log2);
    most = all;
    weight = weight * own + other_weight * factor;
    sum = {sum.x * own + other.x * factor, sum.y * own + other.y * factor,
           sum.z * own + other.z * factor, sum.w * own + other.w * factor};
  }
};

// Every kMergeWarps-th piece of a row. All of a turn are loaded before the first is used.
__device__ inline Merged merge_pieces(const Pieces& pieces, int first, float scale_log2) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  Merged merged;
  for (int begin = first; begin <= pieces.last; begin += kMergeWarps * kMergePieces) {
    float2 numbers[kMergePieces][3];
#pragma unroll
    for (int i = 0; i < kMergePieces; ++i) {
      const auto* from =
          reinterpret_cast<const float2*>(pieces.at(min(begin + i * kMergeWarps, pieces.last)));
      numbers[i][0] = from[2 * lane];
      numbers[i][1] = from[2 * lane + 1];
      numbers[i][2] = from[kDim / 2];
    }
#pragma unroll
    for (int i = 0; i < kMergePieces; ++i) {
      const auto(&piece)[3] = numbers[i];
      if (begin + i * kMergeWarps <= pieces.last) {
        merged.add(piece[2].x, piece[2].y, {piece[0].x, piece[0].y, piece[1].x, piece[1].y},
                   scale_log2);
      }
    }
  }
  return merged;
}

/// What the warps of a block have merged.
struct SharedMerge {
  float4 sums[kMergeRows][kMergeWarps][32];
  float2 weights[kMergeRows][kMergeWarps];  // the maximum, and the sum of weights
};

// The results of a row's warps as one, by its first warp.
__device__ inline uint2 merge_shares(const SharedMerge& shared, int row, float scale_log2) {
  Merged merged;
#pragma unroll
  for (int warp = 0; warp < kMergeWarps; ++warp) {
    const float2 weights = shared.weights[row][warp];
    merged.add(weights.x, weights.y, shared.sums[row][warp][threadIdx.x % 32], scale_log2);
  }
  const float share = 1.0f / merged.weight;
  return {pack_bf16(merged.sum.x * share, merged.sum.y * share),
          pack_bf16(merged.sum.z * share, merged.sum.w * share)};
}

/// Merges the partial results of every item that is in more than one part. Grid: for every sequence
/// and key/value head as many chunks as a sequence may have, and for each of these the rows of a
/// chunk, kMergeRows a block. Starts while step_kernel still runs, and lets the kernel behind it
/// start.
template <int threads>
__global__ void __launch_bounds__(threads)
    merge_kernel(const __grid_constant__ Params params, int chunks, int groups) {
  __shared__ int ends[kMostBatch];
  __shared__ SharedMerge shared;
  minimax::cuda::let_next_kernel_start();
  const Work work(params, ends);
  const auto group = static_cast<int>(blockIdx.x) % groups;
  const auto index = static_cast<int>(blockIdx.x) / groups;
  const int b = index / (params.kv_heads * chunks);
  const int item = index % (params.kv_heads * chunks);  // of the sequence
  const Sequence sequence(params, b);
  const bool exists = item < sequence.chunks * params.kv_heads;
  const int begin = exists ? work.first_tile_of(b) + item * sequence.tiles : 0;
  const int first = exists ? work.block_of(begin) : 0;
  const int last = exists ? work.block_of(begin + sequence.tiles - 1) : 0;
  minimax::cuda::wait_for_kernels_ahead();
  if (first == last) {
    return;
  }
  int count = 0;
  const Part part(params, work, begin, begin + 1, count);
  const int own = static_cast<int>(threadIdx.x) / (kMergeWarps * 32);  // row of the block
  const int warp = static_cast<int>(threadIdx.x) / 32 % kMergeWarps;
  const int row = group * kMergeRows + own;
  const Pieces pieces = {.partials = params.partials,
                         .first = first,
                         .last = last,
                         .is_second = work.begin(first) < begin,
                         .row = min(row, part.rows - 1)};
  const Merged merged = merge_pieces(pieces, first + warp, params.scale_log2);
  const auto lane = threadIdx.x % 32;
  shared.sums[own][warp][lane] = merged.sum;
  if (lane == 0) {
    shared.weights[own][warp] = {merged.most, merged.weight};
  }
  __syncthreads();
  if (warp == 0 && row < part.rows) {
    auto* out = static_cast<uint2*>(params.out) + out_row(params, part, row) * (kDim / 4);
    out[lane] = merge_shares(shared, own, params.scale_log2);
  }
}

}  // namespace minimax::ops::cuda::softmax_step
