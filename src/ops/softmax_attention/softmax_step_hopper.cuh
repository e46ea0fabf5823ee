// SPDX-License-Identifier: Apache-2.0
// Decoding on Hopper: few new tokens a sequence, heads of 128, bf16 in and out, over a paged cache.
//
// One warp has keys and values loaded by the copy engine, 16 keys for each of the other warps a
// tile. Each of these keeps a running softmax of its own over its keys, for the 16 rows of an item,
// with mma products; at the end of a part they are merged, and parts are merged by a second kernel.
//
// Grid: a block or two a multiprocessor. Bytes: keys and values once, 512 a key and key/value head;
// the aim is the rate at which memory is read.
#pragma once

#include <cuda.h>

#include "cuda/barrier.cuh"
#include "cuda/bf16.cuh"
#include "cuda/launch_order.cuh"
#include "cuda/mma.cuh"
#include "cuda/tma.cuh"
#include "ops/softmax_attention/kv_expand.cuh"
#include "ops/softmax_attention/softmax_step_merge.cuh"
#include "ops/softmax_attention/softmax_step_rows.cuh"
#include "ops/softmax_attention/softmax_step_work.cuh"

namespace minimax::ops::cuda::softmax_step {

using minimax::cuda::Barrier;
using minimax::cuda::mma_bf16;
using minimax::cuda::pack_bf16;
using minimax::cuda::shared_address;
using minimax::cuda::wait;

constexpr int kWarpKeys = 16;
constexpr int kSumStride = kDim + 4;  // floats; rows of a warp's stores lie in other banks

template <int warp_count, int stage_count, int blocks_together, KvKind kv = KvKind::kBf16,
          bool whole_rows = true>
struct Variant {
  static constexpr KvKind kKv = kv;
  static constexpr bool kExpands = kv != KvKind::kBf16;
  static constexpr int kWarps = warp_count;  // that compute
  static constexpr int kStages = stage_count;
  static constexpr int kBlocks = blocks_together;  // on a multiprocessor at a time
  // Tiles are rows of 256 bytes as in memory; else two halves of swizzled rows of 128 bytes.
  static constexpr bool kWholeRows = whole_rows && kv == KvKind::kBf16;
  static constexpr int kTileKeys = warp_count * kWarpKeys;
  static constexpr int kHalfTile = kTileKeys * 128;  // 64 numbers of every key, swizzled
  static constexpr int kConsumers = warp_count * 32;
  // One warp loads bf16; as many as compute expand what is quantized.
  static constexpr int kLoaders = kExpands ? kConsumers : 32;
  static constexpr int kThreads = kConsumers + kLoaders;
  // Arrivals that make a stage full or empty: every thread's where warps write it.
  static constexpr int kFull = kExpands ? kLoaders : 1;
  static constexpr int kEmpty = kExpands ? kConsumers : kWarps;
};

template <class V>
struct alignas(1024) Shared {
  std::byte k[V::kStages][2 * V::kHalfTile];
  std::byte v[V::kStages][2 * V::kHalfTile];
  float sums[kRows * kSumStride];
  float most[V::kWarps][kRows];
  float weight[V::kWarps][kRows];
  int ends[kMostBatch];
  Barrier full[V::kStages];
  Barrier empty[V::kStages];
};

template <class V>
struct Stage {
  int index;
  int parity;
  __device__ explicit Stage(int n) : index(n % V::kStages), parity(n / V::kStages % 2) {}
};

// Calls body(part, number of its partial result) for the parts of this block.
template <class F>
__device__ void for_each_part(const Params& params, const Work& work, F&& body) {
  const int block = static_cast<int>(blockIdx.x);
  if (block >= work.blocks()) {
    return;
  }
  const int end = work.begin(block + 1);
  int number = 2 * block;
  for (int begin = work.begin(block); begin < end;) {
    int count = 0;
    const Part part(params, work, begin, end, count);
    body(part, number);
    number = 2 * block + 1;
    begin += count;
  }
}

// ---- load

// `valid` rows; the others are zeros where tiles are halves, and stay what they are otherwise.
template <class V>
__device__ void load_rows(std::byte* to, const CUtensorMap& memory, const std::byte* rows,
                          int valid, Barrier& full) {
  if constexpr (V::kWholeRows) {
    minimax::cuda::load_bytes(to, rows, valid * kRowBytes, full);
  } else {
    minimax::cuda::load_rows<V::kTileKeys>(to, memory, rows, 0, valid, full);
    minimax::cuda::load_rows<V::kTileKeys>(to + V::kHalfTile, memory, rows, 64, valid, full);
  }
}

template <class V>
__device__ void load_tile(Shared<V>& shared, const CUtensorMap& memory, const Params& params,
                          const Part& part, int tile, int loaded) {
  const Stage<V> stage(loaded);
  const KvCacheView& cache = params.caches[part.sequence];
  const auto page_tokens = static_cast<int>(cache.page_tokens);
  const int key = tile * V::kTileKeys;
  const std::byte* page = cache.pages.data()[key / page_tokens - cache.first_page];
  const std::int64_t row =
      static_cast<std::int64_t>(part.kv_head) * page_tokens + key % page_tokens;
  const std::byte* keys = page + row * 2 * kDim;
  const std::byte* values =
      keys + static_cast<std::int64_t>(params.kv_heads) * page_tokens * 2 * kDim;
  const int valid = min(V::kTileKeys, part.length - key);
  Barrier& full = shared.full[stage.index];
  wait(shared.empty[stage.index], stage.parity ^ 1);
  minimax::cuda::arrive_expecting(full, 2 * (V::kWholeRows ? valid : V::kTileKeys) * kRowBytes);
  load_rows<V>(shared.k[stage.index], memory, keys, valid, full);
  load_rows<V>(shared.v[stage.index], memory, values, valid, full);
}

// The same by all loaders, from a quantized cache; codes are on their way while the stage is still
// in use.
template <class V>
__device__ void expand_tile(Shared<V>& shared, const Params& params, const Part& part, int tile,
                            int loaded) {
  const Stage<V> stage(loaded);
  const KvCacheView& cache = params.caches[part.sequence];
  const int thread = static_cast<int>(threadIdx.x) - V::kConsumers;
  const int key = tile * V::kTileKeys;
  const int valid = min(V::kTileKeys, part.length - key);
  KvPieces<V::kKv, V::kTileKeys, V::kLoaders> keys;
  KvPieces<V::kKv, V::kTileKeys, V::kLoaders> values;
  keys.load(cache, params.kv_heads, part.kv_head, key, valid, thread);
  values.load(cache, params.kv_heads, params.kv_heads + part.kv_head, key, valid, thread);
  wait(shared.empty[stage.index], stage.parity ^ 1);
  keys.store(shared.k[stage.index], thread);
  values.store(shared.v[stage.index], thread);
  minimax::cuda::arrive(shared.full[stage.index]);
}

template <class V>
__device__ void load_parts(Shared<V>& shared, const CUtensorMap& memory, const Params& params,
                           const Work& work) {
  int loaded = 0;
  bool waited = false;
  for_each_part(params, work, [&](const Part& part, int) {
    for (int tile = part.first_tile; tile < part.end_tile; ++tile) {
      // Only the newest keys come from kernels of this step.
      if (!waited && (tile + 1) * V::kTileKeys > part.length - part.tokens) {
        minimax::cuda::wait_for_kernels_ahead();
        waited = true;
      }
      if constexpr (V::kExpands) {
        expand_tile(shared, params, part, tile, loaded++);
      } else {
        load_tile(shared, memory, params, part, tile, loaded++);
      }
    }
  });
}

// ---- compute

// The two rows of a lane are lane / 4 and lane / 4 + 8.
template <class V>
class Consumer {
 public:
  __device__ Consumer(Shared<V>& shared, const Params& params)
      : shared_(shared),
        params_(params),
        warp_(static_cast<int>(threadIdx.x) / 32),
        lane_(static_cast<int>(threadIdx.x) % 32) {}

  __device__ void compute(const Part& part, int number) {
    load_queries(part);
    start();
    for (int tile = part.first_tile; tile < part.end_tile; ++tile) {
      add_tile(part, tile);
    }
    merge_warps();
    write(part, number);
  }

 private:
  __device__ void load_queries(const Part& part) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = lane_ / 4 + half * 8;
      const std::uint32_t* from = query_row(part, min(row, part.rows - 1));
#pragma unroll
      for (int d = 0; d < kKeySteps; ++d) {
#pragma unroll
        for (int column = 0; column < 2; ++column) {
          const int pair = V::kWholeRows ? query_pair(d, column) : 8 * d + 4 * column + lane_ % 4;
          queries_[d][2 * column + half] = row < part.rows ? from[pair] : 0;
        }
      }
    }
  }

  // A row of q as pairs of numbers.
  __device__ const std::uint32_t* query_row(const Part& part, int row) const {
    return static_cast<const std::uint32_t*>(params_.q) + out_row(params_, part, row) * (kDim / 2);
  }

  __device__ void start() {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      most_[half] = kLowest;
      weight_[half] = 0.0f;
    }
#pragma unroll
    for (float(&block)[4] : out_) {
      block[0] = block[1] = block[2] = block[3] = 0.0f;
    }
  }

  // Where a lane's row of 16 bytes lies for ldmatrix: 16-byte piece `piece` of a key's row.
  __device__ static std::uint32_t piece_at(const std::byte* tile, int key, int piece) {
    return shared_address(tile) + static_cast<std::uint32_t>(piece / 8 * V::kHalfTile + key * 128 +
                                                             (piece % 8 ^ key % 8) * 16);
  }

  __device__ void add_tile(const Part& part, int tile) {
    const Stage<V> stage(tiles_++);
    wait(shared_.full[stage.index], stage.parity);
    float scores[2][4] = {};
    multiply_keys(shared_.k[stage.index], scores);
    hide_unseen(part, tile, scores);
    std::uint32_t weights[4];
    soften(scores, weights);
    add_values(shared_.v[stage.index], weights, part.length - tile * V::kTileKeys);
    __syncwarp();
    if (V::kExpands || lane_ == 0) {
      minimax::cuda::arrive(shared_.empty[stage.index]);
    }
  }

  __device__ void multiply_keys(const std::byte* tile, float (&scores)[2][4]) const {
    if constexpr (V::kWholeRows) {
#pragma unroll
      for (int block = 0; block < 2; ++block) {
        std::uint32_t keys[kKeySteps][2];
        load_eight_keys(tile + (warp_ * kWarpKeys + 8 * block + lane_ / 4) * kRowBytes, keys);
#pragma unroll
        for (int d = 0; d < kKeySteps; ++d) {
          mma_bf16(scores[block], queries_[d], keys[d][0], keys[d][1]);
        }
      }
    } else {
      const int key = warp_ * kWarpKeys + lane_ / 16 * 8 + lane_ % 8;
#pragma unroll
      for (int d = 0; d < kKeySteps; ++d) {
        std::uint32_t keys[4];
        minimax::cuda::load_blocks(keys, piece_at(tile, key, 2 * d + lane_ / 8 % 2));
        mma_bf16(scores[0], queries_[d], keys[0], keys[1]);
        mma_bf16(scores[1], queries_[d], keys[2], keys[3]);
      }
    }
  }

  __device__ void hide_unseen(const Part& part, int tile, float (&scores)[2][4]) const {
    const int first = part.length - part.tokens;  // the position of the first new token
    const int begin = tile * V::kTileKeys;
    const bool later = begin + V::kTileKeys - 1 > first;
    const bool outside = params_.window > 0 && begin < part.length - params_.window;
    if (!later && !outside) {
      return;
    }
    const int group = params_.heads / params_.kv_heads;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int position = first + (part.first_row + lane_ / 4 + half * 8) / group;
      const int oldest = params_.window > 0 ? position - params_.window : -1;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int key = begin + warp_ * kWarpKeys + i / 2 * 8 + lane_ % 4 * 2 + i % 2;
        float& score = scores[i / 2][half * 2 + i % 2];
        score = key > position || key <= oldest ? -INFINITY : score;
      }
    }
  }

  __device__ void soften(float (&scores)[2][4], std::uint32_t (&weights)[4]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float* left = &scores[0][half * 2];
      float* right = &scores[1][half * 2];
      float most = fmaxf(fmaxf(left[0], left[1]), fmaxf(right[0], right[1]));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
      most = fmaxf(most, most_[half]);
      const float factor = fast_exp2((most_[half] - most) * params_.scale_log2);
      const float shift = most * params_.scale_log2;
      most_[half] = most;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        left[i] = fast_exp2(fmaf(left[i], params_.scale_log2, -shift));
        right[i] = fast_exp2(fmaf(right[i], params_.scale_log2, -shift));
      }
      weight_[half] = weight_[half] * factor + (left[0] + left[1]) + (right[0] + right[1]);
      weights[half] = pack_bf16(left[0], left[1]);
      weights[2 + half] = pack_bf16(right[0], right[1]);
#pragma unroll
      for (float(&block)[4] : out_) {
        block[half * 2] *= factor;
        block[half * 2 + 1] *= factor;
      }
    }
  }

  // Of the tile's rows, `valid` have been loaded.
  __device__ void add_values(const std::byte* tile, const std::uint32_t (&weights)[4], int valid) {
    if constexpr (V::kWholeRows) {
      ValueRows values;
      values.load(tile + warp_ * kWarpKeys * kRowBytes, valid - warp_ * kWarpKeys);
#pragma unroll
      for (int product = 0; product < 16; ++product) {
        std::uint32_t low;
        std::uint32_t high;
        values.operand(product, low, high);
        mma_bf16(out_[product], weights, low, high);
      }
    } else {
      const int key = warp_ * kWarpKeys + lane_ % 16;
#pragma unroll
      for (int d = 0; d < 8; ++d) {
        std::uint32_t values[4];
        minimax::cuda::load_blocks_transposed(values, piece_at(tile, key, 2 * d + lane_ / 16));
        mma_bf16(out_[2 * d], weights, values[0], values[1]);
        mma_bf16(out_[2 * d + 1], weights, values[2], values[3]);
      }
    }
  }

  __device__ void sync() const { minimax::cuda::sync_threads_of(1, V::kConsumers); }

  // The warps' sums, relative to their common maximum, to shared memory.
  __device__ void merge_warps() {
    sync();  // what was there has been written
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      weight_[half] += __shfl_xor_sync(0xffffffffu, weight_[half], 1);
      weight_[half] += __shfl_xor_sync(0xffffffffu, weight_[half], 2);
      if (lane_ % 4 == 0) {
        shared_.most[warp_][lane_ / 4 + half * 8] = most_[half];
        shared_.weight[warp_][lane_ / 4 + half * 8] = weight_[half];
      }
    }
    sync();
    float factor[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      factor[half] = fast_exp2((most_[half] - most_of(lane_ / 4 + half * 8)) * params_.scale_log2);
    }
    for (int turn = 0; turn < V::kWarps; ++turn) {
      if (turn == warp_) {
        add_sums(factor, turn == 0);
      }
      sync();
    }
  }

  __device__ float most_of(int row) const {
    float most = kLowest;
#pragma unroll
    for (int warp = 0; warp < V::kWarps; ++warp) {
      most = fmaxf(most, shared_.most[warp][row]);
    }
    return most;
  }

  __device__ float weight_of(int row, float most) const {
    float sum = 0.0f;
#pragma unroll
    for (int warp = 0; warp < V::kWarps; ++warp) {
      sum += shared_.weight[warp][row] *
             fast_exp2((shared_.most[warp][row] - most) * params_.scale_log2);
    }
    return sum;
  }

  __device__ void add_sums(const float (&factor)[2], bool first) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float* sums = &shared_.sums[(lane_ / 4 + half * 8) * kSumStride];
      float before[32] = {};
      if (!first) {
#pragma unroll
        for (int i = 0; i < 32; ++i) {
          before[i] = sums[column_of(i)];
        }
      }
#pragma unroll
      for (int i = 0; i < 32; ++i) {
        sums[column_of(i)] =
            before[i] + out_[product_of(i)][half * 2 + element_of(i)] * factor[half];
      }
    }
  }

  // The i-th of a lane's 32 columns of out, in an order in which they follow each other by twos or
  // eights, and where it is in the lane's registers.
  __device__ int column_of(int i) const {
    if constexpr (V::kWholeRows) {
      return first_value_of(i / 16, lane_ % 4 * 2 + i / 8 % 2) + i % 8;
    }
    return i / 2 * 8 + lane_ % 4 * 2 + i % 2;
  }
  __device__ static constexpr int product_of(int i) {
    return V::kWholeRows ? i / 16 * 8 + i % 8 : i / 2;
  }
  __device__ static constexpr int element_of(int i) { return V::kWholeRows ? i / 8 % 2 : i % 2; }

  // The result of a whole item, or what the second kernel merges.
  __device__ void write(const Part& part, int number) const {
    for (int row = warp_; row < part.rows; row += V::kWarps) {
      const float4 sum =
          *reinterpret_cast<const float4*>(&shared_.sums[row * kSumStride + lane_ * 4]);
      const float most = most_of(row);
      const float weight = weight_of(row, most);
      if (part.whole) {
        const float share = 1.0f / weight;
        auto* to = static_cast<uint2*>(params_.out) + out_row(params_, part, row) * (kDim / 4);
        to[lane_] = {pack_bf16(sum.x * share, sum.y * share),
                     pack_bf16(sum.z * share, sum.w * share)};
      } else {
        float* to = params_.partials + static_cast<std::int64_t>(number) * kSlot + row * (kDim + 2);
        *reinterpret_cast<float2*>(to + lane_ * 4) = {sum.x, sum.y};
        *reinterpret_cast<float2*>(to + lane_ * 4 + 2) = {sum.z, sum.w};
        if (lane_ == 0) {
          *reinterpret_cast<float2*>(to + kDim) = {most, weight};
        }
      }
    }
  }

  Shared<V>& shared_;
  const Params& params_;
  int warp_;
  int lane_;
  int tiles_ = 0;
  std::uint32_t queries_[8][4];
  float most_[2];
  float weight_[2];  // of this lane's columns
  float out_[16][4];
};

// ---- the kernels

template <class V>
__global__ void __launch_bounds__(V::kThreads, V::kBlocks)
    step_kernel(const __grid_constant__ CUtensorMap memory, const __grid_constant__ Params params) {
  extern __shared__ __align__(1024) std::byte bytes[];
  auto& shared = *reinterpret_cast<Shared<V>*>(bytes);
  if (threadIdx.x == 0) {
    minimax::cuda::prefetch_map(memory);
    for (int i = 0; i < V::kStages; ++i) {
      minimax::cuda::init_barrier(shared.full[i], V::kFull);
      minimax::cuda::init_barrier(shared.empty[i], V::kEmpty);
    }
    minimax::cuda::publish_barriers();
  }
  minimax::cuda::let_next_kernel_start();
  const Work work(params, shared.ends);
  if (threadIdx.x >= V::kConsumers) {
    if constexpr (V::kExpands) {
      minimax::cuda::give_registers_back<88>();
    }
    if (V::kExpands || threadIdx.x == V::kConsumers) {
      load_parts(shared, memory, params, work);
    }
  } else {
    if constexpr (V::kExpands) {
      minimax::cuda::take_registers<168>();
    }
    minimax::cuda::wait_for_kernels_ahead();
    Consumer<V> consumer(shared, params);
    for_each_part(params, work,
                  [&](const Part& part, int number) { consumer.compute(part, number); });
  }
}

}  // namespace minimax::ops::cuda::softmax_step
