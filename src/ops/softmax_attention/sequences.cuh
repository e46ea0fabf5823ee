// SPDX-License-Identifier: Apache-2.0
// Sequences and their caches as they lie in the GPU's memory.
#pragma once

#include <cstdint>

#include "ops/softmax_attention/kv_format.h"
#include "ops/softmax_attention/softmax_attention.h"

namespace minimax::ops::cuda {

struct Sequences {
  const std::int64_t* cu_seqlens;  // [count + 1]
  const KvCacheView* caches;       // [count]
  int count;

  /// The sequence of a token; the last for those behind all.
  __device__ int of_token(std::int64_t token) const {
    int low = 0;
    int high = count - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (cu_seqlens[middle + 1] > token) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
  __device__ std::int64_t position(int sequence, std::int64_t token) const {
    return caches[sequence].length - (cu_seqlens[sequence + 1] - token);
  }
  __device__ std::int64_t tokens() const { return cu_seqlens[count]; }
};

/// Where the head's keys of token `position` begin, in elements of the page; values follow all
/// keys.
template <class T>
__device__ T* row_of(const KvCacheView& cache, std::int64_t position, std::int64_t head,
                     std::int64_t head_dim) {
  std::byte* page = cache.pages.data()[position / cache.page_tokens - cache.first_page];
  return reinterpret_cast<T*>(page) +
         (head * cache.page_tokens + position % cache.page_tokens) * head_dim;
}

/// The same of a quantized cache.
__device__ inline KvRow quantized_row(const KvCacheView& cache, std::int64_t position,
                                      std::int64_t page_head, std::int64_t kv_heads,
                                      std::int64_t head_dim) {
  std::byte* page = cache.pages.data()[position / cache.page_tokens - cache.first_page];
  return kv_row(cache.dtype, page, 2 * kv_heads * cache.page_tokens,
                page_head * cache.page_tokens + position % cache.page_tokens, head_dim);
}

}  // namespace minimax::ops::cuda
