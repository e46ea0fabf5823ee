// SPDX-License-Identifier: Apache-2.0
// moe_permute on the GPU: a block for every expert counts the pairs of those before it, then places
// its own in their order. Every block reads all pairs, twice: some thousand integers from the L2
// cache. Grid [experts].
#include "cuda/kernel.cuh"
#include "ops/moe_permute/moe_permute_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::check_launch;
using minimax::cuda::kWarp;

constexpr int kThreads = 1024;
constexpr int kWarps = kThreads / kWarp;
constexpr int kLoads = 8;  // of a lane at a time, a warp's are of consecutive pairs
constexpr int kWarpPairs = kLoads * kWarp;
constexpr int kTurnPairs = kWarps * kWarpPairs;

// A lane's experts of kWarpPairs pairs from `first` on; -1 behind the last.
__device__ void load_experts(const MoePermutePairs& args, std::int64_t first,
                             std::int32_t (&experts)[kLoads]) {
#pragma unroll
  for (int i = 0; i < kLoads; ++i) {
    const std::int64_t pair = first + i * kWarp + threadIdx.x % kWarp;
    experts[i] = pair < args.pairs ? args.expert_ids[pair] : -1;
  }
}

// Whose sum is wanted of all warps' counts: those before this one, or all.
struct Counted {
  int before;
  int all;
};
__device__ Counted count_warps(int own, int* counts) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  __syncthreads();  // what was there has been read
  if (lane == 0) {
    counts[warp] = own;
  }
  __syncthreads();
  const int count = counts[lane];
  return {.before = __reduce_add_sync(0xffffffffu, lane < warp ? count : 0),
          .all = __reduce_add_sync(0xffffffffu, count)};
}

// The pairs of the experts before this block's.
__device__ int count_before(const MoePermutePairs& args, int* counts) {
  const auto expert = static_cast<std::int32_t>(blockIdx.x);
  int count = 0;  // of a lane
  for (std::int64_t first = threadIdx.x / kWarp * kWarpPairs; first < args.pairs;
       first += kTurnPairs) {
    std::int32_t experts[kLoads];
    load_experts(args, first, experts);
#pragma unroll
    for (const std::int32_t other : experts) {
      count += 0 <= other && other < expert ? 1 : 0;
    }
  }
  return count_warps(__reduce_add_sync(0xffffffffu, count), counts).all;
}

__device__ void place_pairs(const MoePermutePairs& args, int row, int* counts) {
  const auto expert = static_cast<std::int32_t>(blockIdx.x);
  const unsigned lanes_before = (1u << (threadIdx.x % kWarp)) - 1;
  for (std::int64_t turn = 0; turn < args.pairs; turn += kTurnPairs) {
    const std::int64_t first = turn + threadIdx.x / kWarp * kWarpPairs;
    std::int32_t experts[kLoads];
    load_experts(args, first, experts);
    unsigned found[kLoads];
    int own = 0;
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      found[i] = __ballot_sync(0xffffffffu, experts[i] == expert);
      own += __popc(found[i]);
    }
    const Counted counted = count_warps(own, counts);
    std::int32_t place = row + counted.before;
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      if (experts[i] == expert) {
        const auto pair = static_cast<std::int32_t>(first + i * kWarp + threadIdx.x % kWarp);
        const std::int32_t to = place + __popc(found[i] & lanes_before);
        args.pair_of_row[to] = pair;
        args.row_of_pair[pair] = to;
      }
      place += __popc(found[i]);
    }
    row += counted.all;
  }
}

__global__ void __launch_bounds__(kThreads) moe_permute_kernel(MoePermutePairs args) {
  __shared__ int counts[kWarps];
  const int first_row = count_before(args, counts);
  if (threadIdx.x == 0) {
    args.offsets[blockIdx.x] = first_row;
    if (blockIdx.x + 1 == gridDim.x) {
      args.offsets[gridDim.x] = static_cast<std::int32_t>(args.pairs);
    }
  }
  place_pairs(args, first_row, counts);
}

}  // namespace

void moe_permute(const Context& ctx, const MoePermutePairs& pairs) {
  if (pairs.experts == 0) {
    minimax::cuda::check(
        cudaMemsetAsync(pairs.offsets, 0, sizeof(std::int32_t), ctx.cuda->stream()), "moe_permute");
    return;
  }
  moe_permute_kernel<<<static_cast<unsigned>(pairs.experts), kThreads, 0, ctx.cuda->stream()>>>(
      pairs);
  check_launch("moe_permute");
}

}  // namespace minimax::ops::cuda
