// SPDX-License-Identifier: Apache-2.0
// How the queries of prompts are divided among blocks: items of 128 tokens of one head.
#pragma once

#include <cstdint>

#include "ops/softmax_attention/softmax_attention_cuda.h"

namespace minimax::ops::cuda::softmax_prompt {

constexpr int kRows = 128;  // queries of an item, tokens of one head
constexpr int kKeys = 128;  // keys at a time

struct Params {
  const std::int64_t* cu_seqlens;
  const KvCacheView* caches;
  void* out;
  int batch;
  int heads;
  int kv_heads;
  int window;        // 0: none
  int least_tokens;  // of a sequence that counts
  float scale_log2;  // of scores, times log2(e)
};

struct Item {
  const KvCacheView* cache;
  std::int64_t row;  // of the first query in q
  int rows;
  int head;
  int position;    // of the first query
  int length;      // keys of the sequence
  int first_tile;  // of keys that any query sees
  int last_tile;
};

/// The keys and values that blocks should share in the second-level cache.
constexpr std::int64_t kCacheBytes = std::int64_t{32} << 20;

/// Items are numbered such that those with many keys come first, and that heads run together as far
/// as their keys and values fit the cache.
class Items {
 public:
  __device__ explicit Items(const Params& params) : params_(params) {
    std::int64_t longest = 1;
    for (int b = 0; b < params.batch; ++b) {
      tiles_ += tiles_of(b);
      longest = max(longest, params.caches[b].length);
    }
    const std::int64_t head_bytes = longest * 2 * kKeys * 2;
    int kv_heads = params.kv_heads;
    while (kv_heads % 2 == 0 && kv_heads * head_bytes > kCacheBytes) {
      kv_heads /= 2;
    }
    heads_together_ = kv_heads * (params.heads / params.kv_heads);
  }

  __device__ int count() const { return tiles_ * params_.heads; }

  __device__ Item item(int index) const {
    const int section = index / (tiles_ * heads_together_);
    int rest = index % (tiles_ * heads_together_);
    int b = 0;
    while (rest >= tiles_of(b) * heads_together_) {
      rest -= tiles_of(b) * heads_together_;
      ++b;
    }
    const int tile = tiles_of(b) - 1 - rest / heads_together_;
    return of(b, tile, section * heads_together_ + rest % heads_together_);
  }

 private:
  __device__ int tokens_of(int b) const {
    return static_cast<int>(params_.cu_seqlens[b + 1] - params_.cu_seqlens[b]);
  }
  __device__ int tiles_of(int b) const {
    const int tokens = tokens_of(b);
    return tokens < params_.least_tokens ? 0 : (tokens + kRows - 1) / kRows;
  }
  __device__ Item of(int b, int tile, int head) const {
    Item item;
    item.cache = params_.caches + b;
    item.row = params_.cu_seqlens[b] + static_cast<std::int64_t>(tile) * kRows;
    item.rows = min(kRows, tokens_of(b) - tile * kRows);
    item.head = head;
    item.length = static_cast<int>(item.cache->length);
    item.position = item.length - tokens_of(b) + tile * kRows;
    const int first_key = params_.window > 0 ? max(0, item.position + 1 - params_.window) : 0;
    item.first_tile = first_key / kKeys;
    item.last_tile = (item.position + item.rows - 1) / kKeys;
    return item;
  }

  const Params& params_;
  int tiles_ = 0;  // of queries of all sequences, of one head
  int heads_together_;
};

}  // namespace minimax::ops::cuda::softmax_prompt
