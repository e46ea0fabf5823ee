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

// `rows` is how many an item has at most.
template <class V>
void launch_merge(const Params& params, std::int64_t rows, minimax::cuda::Stream stream) {
  const auto groups = static_cast<int>((rows + kMergeRows - 1) / kMergeRows);
  minimax::cuda::launch_early(
      "softmax_attention: merging", merge_kernel<V>,
      {.blocks = (params.blocks - 1) * groups, .threads = kMergeRows * 32, .shared_bytes = 0},
      stream, params);
}

template <class V>
void launch_step(const SoftmaxCudaArgs& args, int most_tokens, float* scratch,
                 minimax::cuda::Stream stream) {
  const auto kernel = step_kernel<V>;
  constexpr int kBytes = static_cast<int>(sizeof(Shared<V>));
  minimax::cuda::check(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
      "softmax_attention: shared memory");
  const auto memory = minimax::cuda::memory_rows_map(V::kTileKeys);
  const int blocks = std::min(kMostStepBlocks, V::kPerPlace * V::kBlocks * args.multiprocessors);
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
  kernel<<<static_cast<unsigned>(blocks), V::kThreads, kBytes, stream>>>(memory, params);
  minimax::cuda::check_launch("softmax_attention: keys");
  const std::int64_t rows = args.longest == 0 ? kRows : args.longest * (args.heads / args.kv_heads);
  launch_merge<V>(params, std::min<std::int64_t>(rows, kRows), stream);
}

}  // namespace minimax::ops::cuda::softmax_step
