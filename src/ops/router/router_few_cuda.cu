// SPDX-License-Identifier: Apache-2.0
// The router for few tokens, in one launch. Grid: a block for every four tokens and part of the
// width, about one per multiprocessor. Block: 256 threads. Shared memory: 32 KB. Bytes moved: the
// weights, once for every four tokens, mostly out of the second cache. Roofline: latency.
//
// A warp sums four experts' products with four tokens over the part. The block that comes last of
// a group of tokens adds the parts in their order and chooses.
#include <algorithm>

#include "base/check.h"
#include "cuda/launch_order.cuh"
#include "ops/router/router_cuda.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::BFloat16;
using minimax::cuda::kWarp;

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kExperts = 4;                  // of a warp at once
constexpr int kLaneColumns = 4;              // of a lane at once
constexpr int kStep = kWarp * kLaneColumns;  // columns

/// How a call is cut up. The host chooses it.
struct FewPlan {
  int parts;       // of the width
  int part_steps;  // of kStep columns
};

FewPlan plan_of(const RouterCall& call, int processors) {
  const int groups = (call.tokens + kFewTokens - 1) / kFewTokens;
  const int steps = (call.width + kStep - 1) / kStep;
  const int wanted = std::min(std::max(processors / groups, 1), kFewTokensMostParts);
  const int part_steps = std::max((steps + wanted - 1) / wanted, 1);
  return {.parts = std::max((steps + part_steps - 1) / part_steps, 1), .part_steps = part_steps};
}

struct Columns {
  float of[kLaneColumns];
};

// Four columns of a row from `column` on, zeros behind its end. `whole`: rows are multiples of four
// columns and aligned.
template <bool whole>
__device__ Columns load_columns(const float* row, int column, int width) {
  if constexpr (whole) {
    const float4 v = column < width ? *reinterpret_cast<const float4*>(row + column) : float4{};
    return {{v.x, v.y, v.z, v.w}};
  } else {
    Columns columns;
#pragma unroll
    for (int i = 0; i < kLaneColumns; ++i) {
      columns.of[i] = column + i < width ? row[column + i] : 0.0f;
    }
    return columns;
  }
}

template <bool whole>
__device__ Columns load_columns(const BFloat16* row, int column, int width) {
  Columns columns;
  if constexpr (whole) {
    const uint2 v = column < width ? *reinterpret_cast<const uint2*>(row + column) : uint2{};
    columns.of[0] = __uint_as_float(v.x << 16);
    columns.of[1] = __uint_as_float(v.x & 0xffff0000u);
    columns.of[2] = __uint_as_float(v.y << 16);
    columns.of[3] = __uint_as_float(v.y & 0xffff0000u);
  } else {
#pragma unroll
    for (int i = 0; i < kLaneColumns; ++i) {
      columns.of[i] = column + i < width ? minimax::cuda::to_float(row[column + i]) : 0.0f;
    }
  }
  return columns;
}

template <bool whole>
__device__ void load_weights(const RouterCall& args, int first_expert, int column,
                             Columns (&weights)[kExperts]) {
#pragma unroll
  for (int e = 0; e < kExperts; ++e) {
    const int expert = min(first_expert + e, args.experts - 1);
    weights[e] = load_columns<whole>(args.weight + static_cast<std::int64_t>(expert) * args.width,
                                     column, args.width);
  }
}

// The sum over the lanes of value lane / 2, of 16.
__device__ float transposed_sum(float (&values)[16]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int half = 8; half > 0; half /= 2) {
    const bool upper = (lane & 2 * half) != 0;
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const float sent = upper ? values[i] : values[i + half];
      const float kept = upper ? values[i + half] : values[i];
      values[i] = kept + __shfl_xor_sync(0xffffffffu, sent, 2 * half);
    }
  }
  return values[0] + __shfl_xor_sync(0xffffffffu, values[0], 1);
}

// Products of four tokens with this warp's experts over the part of this block. `weights` are those
// of the first columns.
template <class X, bool whole>
__device__ float sum_part(const RouterCall& args, int first_token, int first_expert, int begin,
                          int steps, Columns (&weights)[kExperts]) {
  static_assert(kFewTokens * kExperts == 16);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float sums[kFewTokens * kExperts] = {};
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    const int column = begin + step * kStep + lane * kLaneColumns;
    Columns rows[kFewTokens];
#pragma unroll
    for (int t = 0; t < kFewTokens; ++t) {
      const int token = min(first_token + t, args.tokens - 1);
      rows[t] = load_columns<whole>(
          static_cast<const X*>(args.x) + static_cast<std::int64_t>(token) * args.width, column,
          args.width);
    }
    Columns next[kExperts];  // on their way while these are multiplied
    load_weights<whole>(args, first_expert, step + 1 < steps ? column + kStep : args.width, next);
#pragma unroll
    for (int i = 0; i < kFewTokens * kExperts; ++i) {
#pragma unroll
      for (int c = 0; c < kLaneColumns; ++c) {
        sums[i] = fmaf(weights[i % kExperts].of[c], rows[i / kExperts].of[c], sums[i]);
      }
    }
#pragma unroll
    for (int e = 0; e < kExperts; ++e) {
      weights[e] = next[e];
    }
  }
  return transposed_sum(sums);
}

// Whether this block is the last of its group to come here. All threads come here.
__device__ bool is_last(unsigned* ticket, int parts) {
  __shared__ bool last;
  __syncthreads();
  if (threadIdx.x == 0) {
    unsigned came = 0;
    asm volatile("atom.add.acq_rel.gpu.u32 %0, [%1], 1;" : "=r"(came) : "l"(ticket) : "memory");
    last = came == static_cast<unsigned>(parts) - 1;
    if (last) {
      *ticket = 0;  // for the next launch
    }
  }
  __syncthreads();
  return last;
}

// Adds the parts of a group, each warp every kWarps-th, then the warps' sums.
__device__ void add_parts(const float* partial, int parts, int count, float* shares) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int i = lane; i < count; i += kWarp) {
    float sum = 0.0f;
#pragma unroll
    for (int p = 0; p < kFewTokensMostParts / kWarps; ++p) {
      const int part = warp + p * kWarps;
      sum += part < parts ? __ldcg(partial + part * count + i) : 0.0f;
    }
    shares[warp * count + i] = sum;
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    float sum = 0.0f;
    for (int w = 0; w < kWarps; ++w) {
      sum += shares[w * count + i];
    }
    shares[i] = sum;  // read above by this thread alone
  }
  __syncthreads();
}

template <class X, bool whole>
__global__ void __launch_bounds__(kThreads)
    router_few_kernel(RouterCall args, FewPlan plan, float* partial, unsigned* tickets) {
  __shared__ float shares[kWarps * kFewTokens * kRouterMostExperts];
  minimax::cuda::let_next_kernel_start();
  const int group = static_cast<int>(blockIdx.x) / plan.parts;
  const int part = static_cast<int>(blockIdx.x) - group * plan.parts;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int first_token = group * kFewTokens;
  const int begin = part * plan.part_steps * kStep;
  const int count = kFewTokens * args.experts;
  partial += static_cast<std::int64_t>(group) * plan.parts * count;
  Columns weights[kExperts];
  load_weights<whole>(args, warp * kExperts, begin + lane * kLaneColumns, weights);
  minimax::cuda::wait_for_kernels_ahead();
  for (int expert = warp * kExperts; expert < args.experts; expert += kWarps * kExperts) {
    if (expert != warp * kExperts) {
      load_weights<whole>(args, expert, begin + lane * kLaneColumns, weights);
    }
    const float sum =
        sum_part<X, whole>(args, first_token, expert, begin, plan.part_steps, weights);
    const int own = expert + lane / 2 % kExperts;
    if (lane % 2 == 0 && own < args.experts) {
      __stcg(partial + part * count + lane / 2 / kExperts * args.experts + own, sum);
    }
  }
  if (!is_last(tickets + group, plan.parts)) {
    return;
  }
  add_parts(partial, plan.parts, count, shares);
  const int tokens = min(kFewTokens, args.tokens - first_token);
  for (int i = static_cast<int>(threadIdx.x); i < tokens * args.experts; i += kThreads) {
    args.logits[static_cast<std::int64_t>(first_token) * args.experts + i] = shares[i];
  }
  if (warp < tokens) {
    choose_experts(args, shares + warp * args.experts, first_token + warp);
  }
}

template <class X>
void launch_few(const RouterCall& call, const FewTokensRoom& room, minimax::cuda::Stream stream) {
  const bool is_whole = call.width % kLaneColumns == 0;
  const FewPlan plan = plan_of(call, room.processors);
  const minimax::cuda::LaunchShape shape{
      .blocks = static_cast<unsigned>(few_tokens_blocks(call, room.processors)),
      .threads = kThreads,
      .shared_bytes = 0};
  minimax::cuda::launch_early("router",
                              is_whole ? &router_few_kernel<X, true> : &router_few_kernel<X, false>,
                              shape, stream, call, plan, room.partial, room.tickets);
}

}  // namespace

int few_tokens_blocks(const RouterCall& call, int processors) {
  return (call.tokens + kFewTokens - 1) / kFewTokens * plan_of(call, processors).parts;
}

void route_few(const RouterCall& call, bool is_bf16, const FewTokensRoom& room,
               minimax::cuda::Stream stream) {
  base::check(call.tokens <= kFewTokens * kFewTokensGroups, ErrorCode::kInvalidArgument,
              "router: expected few tokens");
  if (is_bf16) {
    launch_few<BFloat16>(call, room, stream);
  } else {
    launch_few<float>(call, room, stream);
  }
}

}  // namespace minimax::ops::cuda
