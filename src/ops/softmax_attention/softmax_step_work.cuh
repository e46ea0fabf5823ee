// SPDX-License-Identifier: Apache-2.0
// How decoding is divided among blocks. The queries of a key/value head of a sequence form items of
// up to 16 rows; row r of a sequence's key/value head is token r / G, head r % G of the group. All
// items' tiles of keys are one long list, of which every block takes an equal part, so that blocks
// end together whatever the lengths are. Where a block's part begins or ends inside of an item, it
// leaves a partial result.
#pragma once

#include <cstdint>

#include "ops/softmax_attention/softmax_attention_cuda.h"

namespace minimax::ops::cuda::softmax_step {

constexpr int kRows = 16;  // of an item
constexpr int kMostBatch = kMostStepBatch;
constexpr int kLeastTiles = 4;  // of a block: fewer cost more to merge than they gain

struct Params {
  const void* q;
  void* out;
  const std::int64_t* cu_seqlens;
  const KvCacheView* caches;
  float* partials;  // [2 blocks, kRows, D + 2]: sums, then the maximum and the sum of weights
  int batch;
  int heads;
  int kv_heads;
  int window;       // 0: none
  int most_tokens;  // of a sequence that counts
  int tile_keys;
  int blocks;
  float scale_log2;  // of scores, times log2(e)
};

/// What is known of a sequence.
struct Sequence {
  int tokens;  // new ones; 0 where it does not count
  int length;
  int first_tile;  // of keys that any query sees
  int tiles;
  int chunks;  // items of a key/value head

  __device__ Sequence(const Params& params, int b) {
    const std::int64_t begin = params.cu_seqlens[b];
    const auto count = static_cast<int>(params.cu_seqlens[b + 1] - begin);
    length = static_cast<int>(params.caches[b].length);
    tokens = count > params.most_tokens ? 0 : count;
    const int first_position = length - count;
    const int first_key = params.window > 0 ? max(0, first_position + 1 - params.window) : 0;
    first_tile = first_key / params.tile_keys;
    tiles = tokens == 0 ? 0 : (length + params.tile_keys - 1) / params.tile_keys - first_tile;
    chunks = (tokens * (params.heads / params.kv_heads) + kRows - 1) / kRows;
  }
};

/// The list of tiles, fewer than 2^31: each is some KB of memory of its own. `ends` is shared
/// memory; all threads of a block come here.
class Work {
 public:
  __device__ Work(const Params& params, int* ends) : params_(params), ends_(ends) {
    for (int b = static_cast<int>(threadIdx.x); b < params.batch;
         b += static_cast<int>(blockDim.x)) {
      const Sequence sequence(params, b);
      ends_[b] = sequence.tiles * sequence.chunks * params.kv_heads;
    }
    __syncthreads();
    if (threadIdx.x < 32) {
      add_up();
    }
    __syncthreads();
    const int tiles = ends_[params.batch - 1];
    blocks_ = max(1, min(params.blocks, tiles / kLeastTiles));
    each_ = tiles / blocks_;
    more_ = tiles % blocks_;
  }

  /// The first tile of a block; blocks from blocks() on have none. The first blocks have one more.
  __device__ int begin(int block) const { return each_ * block + min(block, more_); }
  __device__ int blocks() const { return blocks_; }
  __device__ int block_of(int tile) const {
    const int behind = tile - more_ * (each_ + 1);
    return behind < 0 ? tile / (each_ + 1) : more_ + behind / each_;
  }
  __device__ int sequence_of(int tile) const {
    int low = 0;  // the first whose end is behind the tile
    int high = params_.batch - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (ends_[middle] > tile) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
  __device__ int first_tile_of(int b) const { return b == 0 ? 0 : ends_[b - 1]; }

 private:
  // Sums up to each sequence.
  __device__ void add_up() {
    int before = 0;
    const int lane = static_cast<int>(threadIdx.x);
    for (int begin = 0; begin < params_.batch; begin += 32) {
      int sum = begin + lane < params_.batch ? ends_[begin + lane] : 0;
      for (int offset = 1; offset < 32; offset *= 2) {
        const int other = __shfl_up_sync(0xffffffffu, sum, offset);
        sum += lane >= offset ? other : 0;
      }
      if (begin + lane < params_.batch) {
        ends_[begin + lane] = before + sum;
      }
      before += __shfl_sync(0xffffffffu, sum, 31);
    }
  }

  const Params& params_;
  int* ends_;
  int blocks_;
  int each_;  // tiles of a block
  int more_;  // blocks that have one more
};

/// A part of an item: some of its tiles, by one block. Only a block's first and last part can be
/// less than their items: partial results are its numbers 0 and 1.
struct Part {
  int sequence;
  int kv_head;
  int first_row;  // of the sequence's key/value head
  int rows;       // at most kRows
  int tokens;     // of the sequence
  int length;
  int first_tile;
  int end_tile;
  bool whole;

  /// What begins at tile `begin` of the list and ends at `end` or with its item. `count` is the
  /// number of its tiles.
  __device__ Part(const Params& params, const Work& work, int begin, int end, int& count) {
    sequence = work.sequence_of(begin);
    const Sequence all(params, sequence);
    const int offset = begin - work.first_tile_of(sequence);
    const int index = offset / all.tiles;  // of the item in the sequence
    const int tile = offset % all.tiles;
    count = min(all.tiles - tile, end - begin);
    kv_head = index / all.chunks;
    first_row = index % all.chunks * kRows;
    const int group = params.heads / params.kv_heads;
    rows = min(kRows, all.tokens * group - first_row);
    tokens = all.tokens;
    length = all.length;
    first_tile = all.first_tile + tile;
    end_tile = first_tile + count;
    whole = count == all.tiles;
  }
};

}  // namespace minimax::ops::cuda::softmax_step
