// SPDX-License-Identifier: Apache-2.0
// The router on the GPU. A block takes some tokens into shared memory; its warps take an expert
// each and sum over the width in float32. The choice follows in the same block.
#include "base/check.h"
#include "cuda/kernel.cuh"
#include "ops/router/router_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::blocks_for;
using minimax::cuda::check;
using minimax::cuda::check_launch;
using minimax::cuda::kWarp;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;
using minimax::cuda::warp_sum;

constexpr int kThreads = 256;
constexpr int kTokens = 4;  // a block: weights are read once for so many
constexpr int kMostExperts = 256;
constexpr int kMostChosen = 16;

struct RouterCall {
  const void* x;        // [tokens, width]
  const float* weight;  // [experts, width]
  int tokens;
  int width;
  int experts;
  int top_k;
  float* logits;             // [tokens, experts]
  std::int32_t* expert_ids;  // [tokens, top_k]
  float* expert_weights;     // [tokens, top_k]
};

// The same rule as the reference's next_expert().
__device__ int next_expert(const float* logits, int experts, const std::int32_t* taken, int count) {
  int best = -1;
  for (int e = 0; e < experts; ++e) {
    bool free = true;
    for (int i = 0; i < count; ++i) {
      free = free && taken[i] != e;
    }
    const bool better =
        best < 0 || logits[e] > logits[best] || (isnan(logits[best]) && !isnan(logits[e]));
    best = free && better ? e : best;
  }
  return best;
}

__device__ void choose(const RouterCall& args, const float* logits, int token) {
  std::int32_t* ids = args.expert_ids + token * args.top_k;
  float* weights = args.expert_weights + token * args.top_k;
  std::int32_t chosen[kMostChosen];
  float sum = 0.0f;
  for (int slot = 0; slot < args.top_k; ++slot) {
    chosen[slot] = next_expert(logits, args.experts, chosen, slot);
    sum += expf(logits[chosen[slot]] - logits[chosen[0]]);
  }
  for (int slot = 0; slot < args.top_k; ++slot) {
    ids[slot] = chosen[slot];
    weights[slot] = expf(logits[chosen[slot]] - logits[chosen[0]]) / sum;
  }
}

template <class X>
__global__ void __launch_bounds__(kThreads) router_kernel(RouterCall args) {
  extern __shared__ float rows[];  // [kTokens, width]
  __shared__ float logits[kTokens][kMostExperts];
  const int first = static_cast<int>(blockIdx.x) * kTokens;
  const int tokens = min(kTokens, args.tokens - first);
  const X* x = static_cast<const X*>(args.x) + static_cast<std::int64_t>(first) * args.width;
  for (int i = static_cast<int>(threadIdx.x); i < kTokens * args.width; i += kThreads) {
    rows[i] = i < tokens * args.width ? to_float(x[i]) : 0.0f;
  }
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int e = static_cast<int>(threadIdx.x) / kWarp; e < args.experts; e += kThreads / kWarp) {
    const float* weight = args.weight + static_cast<std::int64_t>(e) * args.width;
    float sums[kTokens] = {};
    for (int i = lane; i < args.width; i += kWarp) {
      const float w = weight[i];
#pragma unroll
      for (int t = 0; t < kTokens; ++t) {
        sums[t] += w * rows[t * args.width + i];
      }
    }
#pragma unroll
    for (int t = 0; t < kTokens; ++t) {
      const float sum = warp_sum(sums[t]);
      if (lane == 0 && t < tokens) {
        logits[t][e] = sum;
        args.logits[static_cast<std::int64_t>(first + t) * args.experts + e] = sum;
      }
    }
  }
  __syncthreads();
  if (static_cast<int>(threadIdx.x) < tokens) {
    choose(args, logits[threadIdx.x], first + static_cast<int>(threadIdx.x));
  }
}

}  // namespace

void router(const Context& ctx, const RouterArgs& args) {
  const RouterCall call{.x = args.x.bytes_begin(),
                        .weight = args.weight.data<float>(),
                        .tokens = static_cast<int>(args.x.shape()[0]),
                        .width = static_cast<int>(args.x.shape()[1]),
                        .experts = static_cast<int>(args.weight.shape()[0]),
                        .top_k = static_cast<int>(args.expert_ids.shape()[1]),
                        .logits = args.logits.data<float>(),
                        .expert_ids = args.expert_ids.data<std::int32_t>(),
                        .expert_weights = args.expert_weights.data<float>()};
  const auto shared = static_cast<std::size_t>(kTokens * call.width) * sizeof(float);
  constexpr std::size_t kMostShared = 200 << 10;
  base::check(call.experts <= kMostExperts && call.top_k <= kMostChosen && shared <= kMostShared,
              ErrorCode::kUnsupported,
              "router: expected at most 256 experts, 16 of them chosen, and rows of at most 12800 "
              "elements on a GPU");
  if (call.tokens == 0) {
    return;
  }
  visit_activations(args.x.dtype(), [&]<class X>() {
    const auto kernel = router_kernel<X>;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared)),
          "router");
    kernel<<<blocks_for(call.tokens, kTokens), kThreads, shared, ctx.cuda->stream()>>>(call);
  });
  check_launch("router");
}

}  // namespace minimax::ops::cuda
