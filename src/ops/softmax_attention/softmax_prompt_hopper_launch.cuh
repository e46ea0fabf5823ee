// SPDX-License-Identifier: Apache-2.0
// The launch of one variant of the kernel for prompts on Hopper; the benchmark compares variants.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>

#include "cuda/check.h"
#include "cuda/tensor_map.h"
#include "ops/softmax_attention/softmax_prompt_hopper.cuh"

namespace minimax::ops::cuda::softmax_prompt {

template <class V>
void launch_prompt(const SoftmaxCudaArgs& args, int least_tokens, minimax::cuda::Stream stream) {
  const auto kernel = prompt_kernel<V>;
  constexpr int kBytes = static_cast<int>(sizeof(Shared));
  minimax::cuda::check(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
      "softmax_attention: shared memory");
  const auto q = minimax::cuda::bf16_tensor_map(args.q, args.tokens, args.heads * kDim);
  const auto memory = minimax::cuda::memory_rows_map(kKeys);
  const std::int64_t most = args.heads * (args.tokens / kRows + args.batch);
  const std::int64_t blocks =
      V::kPersistent ? std::min<std::int64_t>(most, args.multiprocessors) : most;
  const Params params = {.cu_seqlens = args.cu_seqlens,
                         .caches = args.caches,
                         .out = args.out,
                         .batch = static_cast<int>(args.batch),
                         .heads = static_cast<int>(args.heads),
                         .kv_heads = static_cast<int>(args.kv_heads),
                         .window = static_cast<int>(args.sliding_window),
                         .least_tokens = std::max(1, least_tokens),
                         .scale_log2 = static_cast<float>(1.4426950408889634 / std::sqrt(kDim))};
  kernel<<<static_cast<unsigned>(blocks), kThreads, kBytes, stream>>>(q, memory, params);
  minimax::cuda::check_launch("softmax_attention");
}

}  // namespace minimax::ops::cuda::softmax_prompt
