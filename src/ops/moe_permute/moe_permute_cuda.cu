// SPDX-License-Identifier: Apache-2.0
// moe_permute on the GPU: one block counts the pairs of every expert, then each warp places those
// of one expert in their order. Some thousand integers: far less than the products that follow.
#include "base/check.h"
#include "cuda/kernel.cuh"
#include "ops/moe_permute/moe_permute_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::check_launch;
using minimax::cuda::kWarp;

constexpr int kThreads = 1024;
constexpr int kMostExperts = 1024;

// Warp w takes the experts w, w + warps, ...: it looks through all pairs, 32 at a time.
__device__ void place_pairs(const MoePermutePairs& args, int expert) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  std::int32_t row = args.offsets[expert];
  for (std::int64_t base = 0; base < args.pairs; base += kWarp) {
    const std::int64_t pair = base + lane;
    const bool mine = pair < args.pairs && args.expert_ids[pair] == expert;
    const unsigned found = __ballot_sync(0xffffffffu, mine);
    if (mine) {
      const std::int32_t place = row + __popc(found & ((1u << lane) - 1));
      args.pair_of_row[place] = static_cast<std::int32_t>(pair);
      args.row_of_pair[pair] = place;
    }
    row += __popc(found);
  }
}

__global__ void __launch_bounds__(kThreads) moe_permute_kernel(MoePermutePairs args) {
  __shared__ int counts[kMostExperts];
  const int experts = static_cast<int>(args.experts);
  for (int e = static_cast<int>(threadIdx.x); e < experts; e += kThreads) {
    counts[e] = 0;
  }
  __syncthreads();
  for (std::int64_t pair = threadIdx.x; pair < args.pairs; pair += kThreads) {
    atomicAdd(&counts[args.expert_ids[pair]], 1);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    int sum = 0;
    for (int e = 0; e < experts; ++e) {
      args.offsets[e] = sum;
      sum += counts[e];
    }
    args.offsets[experts] = sum;
  }
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x) / kWarp; e < experts; e += kThreads / kWarp) {
    place_pairs(args, e);
  }
}

}  // namespace

void moe_permute(const Context& ctx, const MoePermutePairs& pairs) {
  base::check(pairs.experts <= kMostExperts, ErrorCode::kUnsupported,
              "moe_permute: expected at most 1024 experts on a GPU");
  moe_permute_kernel<<<1, kThreads, 0, ctx.cuda->stream()>>>(pairs);
  check_launch("moe_permute");
}

}  // namespace minimax::ops::cuda
