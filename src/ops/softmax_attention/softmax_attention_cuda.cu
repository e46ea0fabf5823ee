// SPDX-License-Identifier: Apache-2.0
// softmax_attention and kv_cache_append on the GPU: the arguments of the operations as plain
// pointers, and which kernel computes what.
#include <algorithm>

#include "base/check.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/kernel.cuh"
#include "ops/scratch.h"
#include "ops/softmax_attention/softmax_attention_cuda.h"
#include "ops/softmax_attention/softmax_attention_kernels.h"

namespace minimax::ops::cuda {
namespace {

// A sequence of so many new tokens is decoding: its keys are divided among blocks. Beyond, 128 rows
// of every head keep the GPU busy.
constexpr int kStepTokens = 16;

bool fits_hopper(const SoftmaxAttentionArgs& args) {
  using tensor::DType;
  return args.q.dtype() == DType::kBF16 && args.cache_dtype != DType::kF32 &&
         args.q.shape()[2] == 128 && args.page_tokens > 0 && args.page_tokens % 128 == 0 &&
         std::ssize(args.caches) <= kMostStepBatch && minimax::cuda::has_hopper();
}

bool fits_mma(const SoftmaxAttentionArgs& args) {
  const std::int64_t dim = args.q.shape()[2];
  return args.q.dtype() == tensor::DType::kBF16 && args.cache_dtype == tensor::DType::kBF16 &&
         (dim == 32 || dim == 64 || dim == 128);
}

void run_hopper(const Context& ctx, const SoftmaxAttentionArgs& args, const SoftmaxCudaArgs& call) {
  const bool has_prompts = args.longest == 0 || args.longest > kStepTokens;
  if (!has_prompts || call.batch > 1 || args.longest == 0) {
    const ScratchScope scope(ctx);
    softmax_step_hopper(call, kStepTokens, scope.floats(kStepScratchFloats), ctx.cuda->stream());
  }
  if (has_prompts) {
    softmax_prompt_hopper(call, kStepTokens + 1, ctx.cuda->stream());
  }
}

}  // namespace

void kv_cache_append(const Context& ctx, const KvCacheAppendArgs& args) {
  kv_append({.k = args.k.bytes_begin(),
             .v = args.v.bytes_begin(),
             .dtype = args.k.dtype(),
             .cu_seqlens = args.cu_seqlens.data(),
             .caches = args.caches.data(),
             .tokens = args.k.shape()[0],
             .batch = std::ssize(args.caches),
             .kv_heads = args.k.shape()[1],
             .head_dim = args.k.shape()[2]},
            ctx.cuda->stream());
}

void softmax_attention(const Context& ctx, const SoftmaxAttentionArgs& args) {
  const tensor::Shape& shape = args.q.shape();
  const SoftmaxCudaArgs call{.q = args.q.bytes_begin(),
                             .out = args.out.bytes_begin(),
                             .dtype = args.q.dtype(),
                             .cache_dtype = args.cache_dtype,
                             .cu_seqlens = args.cu_seqlens.data(),
                             .caches = args.caches.data(),
                             .tokens = shape[0],
                             .batch = std::ssize(args.caches),
                             .heads = shape[1],
                             .kv_heads = args.num_key_value_heads,
                             .head_dim = shape[2],
                             .sliding_window = args.sliding_window,
                             .longest = args.longest,
                             .multiprocessors = ctx.cuda->multiprocessors()};
  base::check(call.head_dim <= kMostHeadDim, ErrorCode::kUnsupported,
              "softmax_attention: expected a head_dim of at most 256 on a GPU");
  if (call.tokens == 0 || call.batch == 0) {
    return;
  }
  if (fits_hopper(args)) {
    run_hopper(ctx, args, call);
  } else if (fits_mma(args)) {
    softmax_mma(call, ctx.cuda->stream());
  } else {
    softmax_plain(call, ctx.cuda->stream());
  }
}

}  // namespace minimax::ops::cuda
