// SPDX-License-Identifier: Apache-2.0
// What computes softmax_attention and kv_cache_append, on plain arrays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/isa.h"
#include "tensor/dtype.h"

namespace minimax::ops {

/// The cache of one sequence as plain pointers; see KvCacheView for the layout.
struct KvPages {
  std::byte* const* pages;
  std::int64_t page_tokens;
  std::int64_t kv_heads;
  std::int64_t head_dim;
  tensor::DType dtype;  // F32 or BF16
};

/// The element that token `token` of key/value head `kv_head` starts at, in elements of its page;
/// the page is pages[token / page_tokens].
inline std::int64_t key_offset(const KvPages& cache, std::int64_t kv_head, std::int64_t token) {
  return (kv_head * cache.page_tokens + token % cache.page_tokens) * cache.head_dim;
}
inline std::int64_t value_offset(const KvPages& cache, std::int64_t kv_head, std::int64_t token) {
  return key_offset(cache, cache.kv_heads + kv_head, token);
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

}  // namespace minimax::ops
