// SPDX-License-Identifier: Apache-2.0
// Causal softmax attention with grouped key/value heads over a paged cache.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// The keys and values of one sequence in one layer. The token at position p lies in page
/// p / page_tokens of the sequence; a page is [2, KVH, page_tokens, D] of dtype: all keys, then all
/// values; kv_format.h has quantized ones. With a sliding window the pages that no query sees any
/// more may be missing.
struct KvCacheView {
  std::span<std::byte* const> pages;  // from page first_page on
  std::int64_t first_page = 0;        // pages that are missing at the front
  std::int64_t page_tokens = 0;
  std::int64_t length = 0;                    // tokens held, those of this call included
  tensor::DType dtype = tensor::DType::kF32;  // F32, BF16, F8_E4M3 or U8 (int4)
};

/// Writes the keys and values of new tokens at the end of their sequences' caches.
struct KvCacheAppendArgs {
  tensor::Tensor k;                          // [T, KVH, D] F32
  tensor::Tensor v;                          // [T, KVH, D] F32
  std::span<const std::int64_t> cu_seqlens;  // [B + 1]
  std::span<const KvCacheView> caches;       // [B], length already counts the new tokens
};
void kv_cache_append(const Context& ctx, const KvCacheAppendArgs& args);

struct SoftmaxAttentionArgs {
  tensor::Tensor q;                          // [T, H, D] F32, H a multiple of KVH
  std::int64_t num_key_value_heads = 0;      // KVH
  std::span<const std::int64_t> cu_seqlens;  // [B + 1]
  std::span<const KvCacheView> caches;       // [B]
  std::int64_t sliding_window = 0;           // keys seen, the own one included; 0: all
  // What the caller knows of sequences and caches whose values lie on a GPU; 0: nothing.
  std::int64_t longest = 0;      // new tokens of the longest sequence
  std::int64_t page_tokens = 0;  // of all caches
  tensor::DType cache_dtype = tensor::DType::kF32;
  tensor::Tensor out;  // [T, H, D] F32
};

/// out = softmax(q k^T / sqrt(D)) v over the keys up to the query's own position; query i of a
/// sequence with n new tokens stands at position length - n + i. Head h reads key/value head
/// h / (H / KVH). Scores, softmax and sums in float32.
/// Source: Vaswani et al. 2017, equation 1; Ainslie et al. 2023 for the grouping.
void softmax_attention(const Context& ctx, const SoftmaxAttentionArgs& args);

/// The bytes of scratch that softmax_attention takes, whatever the lengths and the batch.
std::int64_t softmax_attention_scratch_bytes(int threads, std::int64_t head_dim);
inline constexpr std::int64_t kSoftmaxGpuScratchBytes = std::int64_t{2} * 528 * 16 * 130 * 4;

}  // namespace minimax::ops
