// SPDX-License-Identifier: Apache-2.0
// Softmax attention on the GPU, on plain pointers: which kernels there are, and what they take.
#pragma once

#include <cstdint>

#include "cuda/stream.h"
#include "ops/softmax_attention/softmax_attention.h"
#include "tensor/dtype.h"

namespace minimax::ops::cuda {

/// Everything lies in device memory; values there may change between replays of a recorded graph.
struct SoftmaxCudaArgs {
  const void* q;                   // [T, H, D]
  void* out;                       // [T, H, D]
  tensor::DType dtype;             // of q and out: F32 or BF16
  tensor::DType cache_dtype;       // where a kernel says so
  const std::int64_t* cu_seqlens;  // [B + 1]
  const KvCacheView* caches;       // [B], all of one dtype and size of pages
  std::int64_t tokens;             // T, rows behind the last sequence included
  std::int64_t batch;
  std::int64_t heads;
  std::int64_t kv_heads;
  std::int64_t head_dim;
  std::int64_t sliding_window;  // 0: none
  std::int64_t longest;         // new tokens of the longest sequence; 0: not known
  int multiprocessors;
};

constexpr int kMostHeadDim = 256;

/// Heads of any size up to kMostHeadDim, all types.
void softmax_plain(const SoftmaxCudaArgs& args, minimax::cuda::Stream stream);

/// D = 32, 64 or 128; q, out and the cache in BF16, whose rows begin at multiples of 16 bytes.
void softmax_mma(const SoftmaxCudaArgs& args, minimax::cuda::Stream stream);

/// Prompts on Hopper: D = 128, BF16 with a cache of BF16, F8_E4M3 or U8 (cache_dtype), pages of a
/// multiple of 128 tokens that begin at multiples of 256 bytes. Sequences of fewer than
/// `least_tokens` new tokens are left out. Throws: Error{kDevice}.
void softmax_prompt_hopper(const SoftmaxCudaArgs& args, int least_tokens,
                           minimax::cuda::Stream stream);

/// Decoding on Hopper: the same for sequences of 1 to `most_tokens` new tokens; B <= 512.
/// Blocks on a multiprocessor read equal shares of all keys and values, once for every 16 rows of q
/// that share a key/value head.
/// Scratch: kStepScratchFloats, aligned to 8 bytes. Throws: Error{kDevice}.
void softmax_step_hopper(const SoftmaxCudaArgs& args, int most_tokens, float* scratch,
                         minimax::cuda::Stream stream);

constexpr int kMostStepBatch = 512;
constexpr int kMostStepBlocks = 528;
constexpr std::int64_t kStepScratchFloats = std::int64_t{2} * kMostStepBlocks * 16 * 130;
static_assert(kStepScratchFloats * 4 == kSoftmaxGpuScratchBytes);

struct KvAppendCudaArgs {
  const void* k;        // [T, KVH, D]
  const void* v;        // [T, KVH, D]
  tensor::DType dtype;  // of both: F32 or BF16
  const std::int64_t* cu_seqlens;
  const KvCacheView* caches;
  std::int64_t tokens;  // T, rows behind the last sequence included
  std::int64_t batch;
  std::int64_t kv_heads;
  std::int64_t head_dim;
};

void kv_append(const KvAppendCudaArgs& args, minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
