// SPDX-License-Identifier: Apache-2.0
// What the router's kernels share: their arguments, and the choice of a token's experts by a warp.
#pragma once

#include <cstdint>

#include "cuda/kernel.cuh"
#include "cuda/stream.h"

namespace minimax::ops::cuda {

inline constexpr int kRouterMostExperts = 256;
inline constexpr int kRouterMostChosen = 16;

/// The arguments of the operation as plain pointers.
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

/// Numbers in the order of floats, above 1; any NaN is 1, so that 0 is below them all.
__device__ inline std::uint32_t rank_of(float value) {
  const std::uint32_t bits = __float_as_uint(value + 0.0f);  // the zeros are equal
  const std::uint32_t rank = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
  return isnan(value) ? 1u : rank;
}

/// The expert of the largest logit that is not taken, by the rule of the reference's
/// next_expert(). Bit i of `taken` of a lane stands for the expert 32 i + lane.
__device__ inline int next_expert(const float* logits, int experts, unsigned& taken) {
  const int lane = static_cast<int>(threadIdx.x) % minimax::cuda::kWarp;
  std::uint32_t best = 0;
  int best_expert = kRouterMostExperts;
  for (int e = lane; e < experts; e += minimax::cuda::kWarp) {
    const bool is_taken = (taken >> (e / minimax::cuda::kWarp) & 1u) != 0;
    const std::uint32_t rank = is_taken ? 0u : rank_of(logits[e]);
    best_expert = rank > best ? e : best_expert;
    best = max(best, rank);
  }
  const std::uint32_t top = __reduce_max_sync(0xffffffffu, best);
  const auto candidate = static_cast<unsigned>(best == top ? best_expert : kRouterMostExperts);
  const int expert = static_cast<int>(__reduce_min_sync(0xffffffffu, candidate));
  taken |= expert % minimax::cuda::kWarp == lane ? 1u << (expert / minimax::cuda::kWarp) : 0u;
  return expert;
}

/// A warp chooses the experts of a token and weighs them by the softmax over the chosen.
__device__ inline void choose_experts(const RouterCall& args, const float* logits, int token) {
  const int lane = static_cast<int>(threadIdx.x) % minimax::cuda::kWarp;
  unsigned taken = 0;
  float largest = 0.0f;
  float sum = 0.0f;
  int own_expert = 0;
  float own_power = 0.0f;
  for (int slot = 0; slot < args.top_k; ++slot) {
    const int expert = next_expert(logits, args.experts, taken);
    const float logit = logits[expert];
    largest = slot == 0 ? logit : largest;
    const float power = expf(logit - largest);
    sum += power;
    own_expert = slot == lane ? expert : own_expert;
    own_power = slot == lane ? power : own_power;
  }
  if (lane < args.top_k) {
    args.expert_ids[token * args.top_k + lane] = own_expert;
    args.expert_weights[token * args.top_k + lane] = own_power / sum;
  }
}

/// What route_few needs beside its arguments.
struct FewTokensRoom {
  float* partial;     // kFewTokens * experts * few_tokens_blocks(...)
  unsigned* tickets;  // Runtime::tickets(), or that many groups of words that are zero at first
  int processors;     // multiprocessors of the GPU
};

inline constexpr int kFewTokens = 4;            // of a group
inline constexpr int kFewTokensGroups = 128;    // of a call, at most
inline constexpr int kFewTokensMostParts = 64;  // of a group

/// Routes up to kFewTokens * kFewTokensGroups tokens on the whole GPU in one launch. `is_bf16`:
/// the type of x, else float32.
void route_few(const RouterCall& call, bool is_bf16, const FewTokensRoom& room,
               minimax::cuda::Stream stream);

/// Groups of tokens times parts of the width that a call has.
int few_tokens_blocks(const RouterCall& call, int processors);

}  // namespace minimax::ops::cuda
