// SPDX-License-Identifier: Apache-2.0
// The launch of one variant of the kernel for prompts on Hopper; the benchmark compares variants.
#pragma once

#include <cuda_runtime.h>

#include "cuda/check.h"
#include "cuda/tensor_map.h"
#include "ops/lightning_attention/lightning_attention_hopper.cuh"

namespace minimax::ops::cuda::hopper {

template <class V>
void launch_prompt(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  const auto kernel = prompt_kernel<V>;
  const int bytes = static_cast<int>(sizeof(Shared<V>));
  minimax::cuda::check(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
      "lightning_attention: shared memory");
  const auto qkv = minimax::cuda::bf16_tensor_map(args.qkv, args.tokens, args.heads * 3 * kDim);
  const auto out = minimax::cuda::bf16_tensor_map(args.out, args.tokens, args.heads * kDim);
  cudaLaunchAttribute cluster = {};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {V::kPair ? 2u : 1u, 1, 1};
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(2, static_cast<unsigned>(args.heads), static_cast<unsigned>(args.batch));
  config.blockDim = dim3(kThreads);
  config.dynamicSmemBytes = static_cast<std::size_t>(bytes);
  config.stream = stream;
  config.attrs = &cluster;
  config.numAttrs = 1;
  const Params params = {args.cu_seqlens, args.states, args.decay, args.out,
                         static_cast<int>(args.heads)};
  minimax::cuda::check(cudaLaunchKernelEx(&config, kernel, qkv, out, params),
                       "lightning_attention");
}

}  // namespace minimax::ops::cuda::hopper
