// SPDX-License-Identifier: Apache-2.0
// The launch of one variant of the kernel for decoding on Hopper; the benchmark compares variants.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>

#include "cuda/check.h"
#include "cuda/tensor_map.h"
#include "ops/softmax_attention/softmax_step_hopper.cuh"

namespace minimax::ops::cuda::softmax_step {

inline void launch_merge(const Params& params, std::int64_t most_tokens,
                         minimax::cuda::Stream stream) {
  constexpr int kThreads = kMergeRows * kMergeWarps * 32;
  const auto rows = static_cast<int>(most_tokens) * (params.heads / params.kv_heads);
  const int chunks = (rows + kRows - 1) / kRows;
  const int groups = (std::min(rows, kRows) + kMergeRows - 1) / kMergeRows;
  minimax::cuda::launch_early("softmax_attention: merging", merge_kernel<kThreads>,
                              {.blocks = params.batch * params.kv_heads * chunks * groups,
                               .threads = kThreads,
                               .shared_bytes = 0},
                              stream, params, chunks, groups);
}

template <class V>
void launch_step(const SoftmaxCudaArgs& args, int most_tokens, float* scratch,
                 minimax::cuda::Stream stream) {
  constexpr int kBytes = static_cast<int>(sizeof(Shared<V>));
  const auto memory = minimax::cuda::memory_rows_map(V::kTileKeys);
  const int blocks = std::min(kMostStepBlocks, V::kBlocks * args.multiprocessors);
  const Params params = {.q = args.q,
                         .out = args.out,
                         .cu_seqlens = args.cu_seqlens,
                         .caches = args.caches,
                         .partials = scratch,
                         .batch = static_cast<int>(args.batch),
                         .heads = static_cast<int>(args.heads),
                         .kv_heads = static_cast<int>(args.kv_heads),
                         .window = static_cast<int>(args.sliding_window),
                         .most_tokens = most_tokens,
                         .tile_keys = V::kTileKeys,
                         .blocks = blocks,
                         .scale_log2 = static_cast<float>(1.4426950408889634 / std::sqrt(kDim))};
  minimax::cuda::launch_early("softmax_attention: keys", step_kernel<V>,
                              {.blocks = blocks, .threads = V::kThreads, .shared_bytes = kBytes},
                              stream, memory, params);
  if (blocks > 1) {
    const std::int64_t longest =
        args.longest == 0 ? most_tokens : std::min<std::int64_t>(args.longest, most_tokens);
    launch_merge(params, longest, stream);
  }
}

}  // namespace minimax::ops::cuda::softmax_step
