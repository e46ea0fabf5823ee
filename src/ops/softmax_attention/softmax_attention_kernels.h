// SPDX-License-Identifier: Apache-2.0
// What computes softmax_attention and kv_cache_append, on plain arrays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/isa.h"
#include "ops/softmax_attention/kv_format.h"
#include "ops/softmax_attention/softmax_attention.h"
#include "tensor/dtype.h"

namespace minimax::ops {

/// The cache of one sequence as plain pointers; see KvCacheView for the layout.
struct KvPages {
  std::byte* const* pages;
  std::int64_t first_page;
  std::int64_t page_tokens;
  std::int64_t kv_heads;
  std::int64_t head_dim;
  tensor::DType dtype;  // as in kv_format.h
};

/// The page of token `token`.
inline std::byte* page_of(const KvPages& cache, std::int64_t token) {
  return cache.pages[token / cache.page_tokens - cache.first_page];
}

/// The element that token `token` of key/value head `kv_head` starts at, in elements of its page.
inline std::int64_t key_offset(const KvPages& cache, std::int64_t kv_head, std::int64_t token) {
  return (kv_head * cache.page_tokens + token % cache.page_tokens) * cache.head_dim;
}
inline std::int64_t value_offset(const KvPages& cache, std::int64_t kv_head, std::int64_t token) {
  return key_offset(cache, cache.kv_heads + kv_head, token);
}

/// The quantized row of token `token` in slot `kv_head` (keys) or kv_heads + kv_head (values).
inline KvRow quantized_row(const KvPages& cache, std::int64_t slot, std::int64_t token) {
  return kv_row(cache.dtype, page_of(cache, token), 2 * cache.kv_heads * cache.page_tokens,
                slot * cache.page_tokens + token % cache.page_tokens, cache.head_dim);
}

/// New tokens of one sequence, the first at position `begin`.
struct KvAppend {
  const float* k;  // [tokens, kv_heads, head_dim]
  const float* v;
  std::int64_t begin;
  std::int64_t tokens;
  KvPages cache;
};

/// The queries of one sequence, the first at position `begin`.
struct SoftmaxSequence {
  const float* q;  // [tokens, heads, head_dim]
  std::int64_t tokens;
  std::int64_t heads;
  std::int64_t begin;
  std::int64_t sliding_window;  // 0: none
  KvPages cache;
  float* out;  // [tokens, heads, head_dim]
};

namespace reference {
void kv_cache_append(const KvAppend& args);
void softmax_attention(const SoftmaxSequence& args);
}  // namespace reference

namespace kernels {

/// Tokens [begin, end) of the new ones.
template <cpu::Isa isa>
void kv_cache_append(const KvAppend& args, std::int64_t begin, std::int64_t end);

/// The query rows and the keys that are in work at a time. The rows of a key/value head are its
/// queries: with G query heads to a key/value head, row r is token r / G, head kv_head * G + r % G.
inline constexpr std::int64_t kSoftmaxRows = 64;
inline constexpr std::int64_t kSoftmaxKeys = 64;

/// Some rows of one key/value head over some keys.
struct SoftmaxPart {
  const SoftmaxSequence* sequence;
  std::int64_t kv_head;
  std::int64_t first_row;
  std::int64_t rows;  // at most kSoftmaxRows
  std::int64_t first_key;
  std::int64_t end_key;
  // Where other parts hold the other keys of these rows, partial row i goes to partial + i *
  // partial_floats; otherwise this is null and the result goes to the sequence's out.
  float* partial;
};

/// A partial row: the largest score, the sum of exp(score - largest), room for a weight and, from
/// kPartialHeader on, the sum of exp(score - largest) v.
inline constexpr std::int64_t kPartialHeader = 16;
std::int64_t partial_floats(std::int64_t head_dim);

/// The floats of scratch that softmax_part takes; the scratch is aligned to 64 bytes.
std::int64_t softmax_scratch_floats(std::int64_t head_dim);

template <cpu::Isa isa>
void softmax_part(const SoftmaxPart& part, float* scratch);

/// Rows [begin, end) of all key/value heads one after another, from their parts over the keys.
struct SoftmaxMerge {
  const SoftmaxSequence* sequence;
  std::int64_t splits;
  float* partial;  // [kv_heads, splits, rows of a key/value head, partial_floats]
};
template <cpu::Isa isa>
void softmax_merge(const SoftmaxMerge& merge, std::int64_t begin, std::int64_t end);

}  // namespace kernels

/// On the arguments of the operation, checked.
namespace cuda {
void kv_cache_append(const Context& ctx, const KvCacheAppendArgs& args);
void softmax_attention(const Context& ctx, const SoftmaxAttentionArgs& args);
}  // namespace cuda

}  // namespace minimax::ops
