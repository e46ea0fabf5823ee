// SPDX-License-Identifier: Apache-2.0
// The router on the GPU. Many tokens in bf16 go through the tensor cores: float32 weights are split
// into three numbers of bf16 that add up to them, so that every product is exact and sums are
// float32 as well. router_few_cuda.cu has the kernel for all others.
#include <algorithm>

#include "base/check.h"
#include "cuda/bf16.cuh"
#include "cuda/kernel.cuh"
#include "cuda/mma.cuh"
#include "ops/router/router_cuda.cuh"
#include "ops/router/router_kernels.h"
#include "ops/scratch.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::blocks_for;
using minimax::cuda::check_launch;
using minimax::cuda::kWarp;

constexpr int kThreads = 256;
constexpr int kBlockTokens = 32;
constexpr int kBlockExperts = 32;  // at once
constexpr int kStep = 32;          // columns: 8 of a lane, in two products

// Two numbers as three pairs of bf16 that add up to them.
__device__ void split(float first, float second, std::uint32_t (&pairs)[3]) {
#pragma unroll
  for (std::uint32_t& pair : pairs) {
    pair = minimax::cuda::pack_bf16(first, second);
    first -= minimax::cuda::low_bf16(pair);
    second -= minimax::cuda::high_bf16(pair);
  }
}

// sums[t][e] += of 16 tokens t and 8 experts e. Lane l has 8 consecutive columns, those of 8 (l %
// 4), of tokens l / 4 and l / 4 + 8, and of expert l / 4.
__device__ void multiply_experts(const uint4 (&x)[2][2], const float* weight, float (&sums)[2][4]) {
  const float4 low = reinterpret_cast<const float4*>(weight)[0];
  const float4 high = reinterpret_cast<const float4*>(weight)[1];
  std::uint32_t pairs[4][3];
  split(low.x, low.y, pairs[0]);
  split(low.z, low.w, pairs[1]);
  split(high.x, high.y, pairs[2]);
  split(high.z, high.w, pairs[3]);
#pragma unroll
  for (int t = 0; t < 2; ++t) {
    const std::uint32_t first[4] = {x[t][0].x, x[t][1].x, x[t][0].y, x[t][1].y};
    const std::uint32_t second[4] = {x[t][0].z, x[t][1].z, x[t][0].w, x[t][1].w};
#pragma unroll
    for (int part = 2; part >= 0; --part) {
      minimax::cuda::mma_bf16(sums[t], first, pairs[0][part], pairs[1][part]);
      minimax::cuda::mma_bf16(sums[t], second, pairs[2][part], pairs[3][part]);
    }
  }
}

// This warp's share of the columns, for experts [first_expert, first_expert + kBlockExperts).
__device__ void sum_columns(const RouterCall& args, int first_token, int first_expert,
                            float (&sums)[kBlockExperts / 8][2][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const auto* x = static_cast<const minimax::cuda::BFloat16*>(args.x);
  for (int k = static_cast<int>(threadIdx.x) / kWarp * kStep; k < args.width;
       k += kThreads / kWarp * kStep) {
    const int column = k + lane % 4 * 8;
    uint4 rows[2][2];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int token = min(first_token + i * 8 + lane / 4, args.tokens - 1);
      rows[i / 2][i % 2] = *reinterpret_cast<const uint4*>(
          x + static_cast<std::int64_t>(token) * args.width + column);
    }
#pragma unroll
    for (int e = 0; e < kBlockExperts / 8; ++e) {
      const int expert = min(first_expert + 8 * e + lane / 4, args.experts - 1);
      multiply_experts(rows, args.weight + static_cast<std::int64_t>(expert) * args.width + column,
                       sums[e]);
    }
  }
}

// Adds up the shares of all warps in `shares`, in their order.
__device__ void add_shares(const RouterCall& args, int first_token, int first_expert,
                           const float (&sums)[kBlockExperts / 8][2][4],
                           float (*shares)[kBlockTokens][kBlockExperts]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float(*own)[kBlockExperts] = shares[threadIdx.x / kWarp];
#pragma unroll
  for (int i = 0; i < kBlockExperts; ++i) {
    const int token = i / 4 % 2 * 16 + i / 2 % 2 * 8 + lane / 4;
    own[token][i / 8 * 8 + lane % 4 * 2 + i % 2] = sums[i / 8][i / 4 % 2][i % 4];
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kBlockTokens * kBlockExperts; i += kThreads) {
    const int token = first_token + i / kBlockExperts;
    const int expert = first_expert + i % kBlockExperts;
    float sum = 0.0f;
    for (int warp = 0; warp < kThreads / kWarp; ++warp) {
      sum += shares[warp][i / kBlockExperts][i % kBlockExperts];
    }
    if (token < args.tokens && expert < args.experts) {
      args.logits[static_cast<std::int64_t>(token) * args.experts + expert] = sum;
    }
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kThreads) router_many_kernel(RouterCall args) {
  __shared__ float shares[kThreads / kWarp][kBlockTokens][kBlockExperts];
  const int first_token = static_cast<int>(blockIdx.x) * kBlockTokens;
  for (int expert = 0; expert < args.experts; expert += kBlockExperts) {
    float sums[kBlockExperts / 8][2][4] = {};
    sum_columns(args, first_token, expert, sums);
    add_shares(args, first_token, expert, sums, shares);
  }
  const int end = min(first_token + kBlockTokens, args.tokens);
  for (int token = first_token + static_cast<int>(threadIdx.x) / kWarp; token < end;
       token += kThreads / kWarp) {
    choose_experts(args, args.logits + static_cast<std::int64_t>(token) * args.experts, token);
  }
}

void route_many(const Context& ctx, const RouterCall& call) {
  router_many_kernel<<<blocks_for(call.tokens, kBlockTokens), kThreads, 0, ctx.cuda->stream()>>>(
      call);
  check_launch("router");
}

// As many tokens at a time as one launch takes.
void route_by_groups(const Context& ctx, RouterCall call, bool is_bf16) {
  constexpr int kAtOnce = kFewTokens * kFewTokensGroups;
  const std::int64_t element_bytes = is_bf16 ? 2 : 4;
  const ScratchScope scratch(ctx);
  RouterCall most = call;
  most.tokens = std::min(call.tokens, kAtOnce);
  const int processors = ctx.cuda->multiprocessors();
  const std::int64_t floats =
      std::int64_t{kFewTokens} * call.experts * few_tokens_blocks(most, processors);
  const FewTokensRoom room{
      .partial = scratch.floats(floats), .tickets = ctx.cuda->tickets(), .processors = processors};
  for (int left = call.tokens; left > 0; left -= kAtOnce) {
    call.tokens = std::min(left, kAtOnce);
    route_few(call, is_bf16, room, ctx.cuda->stream());
    call.x = static_cast<const std::byte*>(call.x) + kAtOnce * call.width * element_bytes;
    call.logits += std::int64_t{kAtOnce} * call.experts;
    call.expert_ids += std::int64_t{kAtOnce} * call.top_k;
    call.expert_weights += std::int64_t{kAtOnce} * call.top_k;
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
  base::check(call.experts <= kRouterMostExperts && call.top_k <= kRouterMostChosen,
              ErrorCode::kUnsupported,
              "router: expected at most 256 experts, 16 of them chosen, on a GPU");
  if (call.tokens == 0) {
    return;
  }
  const bool is_bf16 = args.x.dtype() == tensor::DType::kBF16;
  if (is_bf16 && call.tokens > kFewTokens * kFewTokensGroups && call.width % kStep == 0) {
    route_many(ctx, call);
  } else {
    route_by_groups(ctx, call, is_bf16);
  }
}

}  // namespace minimax::ops::cuda
