// SPDX-License-Identifier: Apache-2.0
// Prompts on Hopper: heads of 128, bf16 in and out, over a paged cache.
//
// A block has 128 queries of one head and goes through their keys from the last to the first, 128
// at a time. Of its three warpgroups one thread loads q, keys and values by the copy engine; the
// other two have 64 queries each. A warpgroup starts the scores of the next keys and then the
// product of the last weights with their values, and computes its softmax while the products run;
// the two take turns, so that the tensor cores work for the one while the other computes
// exponentials.
//
// Grid: one block an item, or one a multiprocessor that goes through items; 384 threads; 193 KB of
// shared memory. 4 x 128 operations a query, head and key that it sees; the aim is the rate of
// large bf16 products. Every item reads its keys and values, 512 bytes a key, from the second-level
// cache.
#pragma once

#include <cuda.h>

#include "cuda/barrier.cuh"
#include "cuda/bf16.cuh"
#include "cuda/mma.cuh"
#include "cuda/tma.cuh"
#include "cuda/wgmma.cuh"
#include "ops/softmax_attention/kv_expand.cuh"
#include "ops/softmax_attention/softmax_prompt_work.cuh"

namespace minimax::ops::cuda::softmax_prompt {

using minimax::cuda::advance;
using minimax::cuda::arrive;
using minimax::cuda::Barrier;
using minimax::cuda::Major;
using minimax::cuda::operand_at;
using minimax::cuda::pack_bf16;
using minimax::cuda::shared_address;
using minimax::cuda::wait;

constexpr int kDim = 128;
constexpr int kGroup = 128;  // threads of a warpgroup
constexpr int kThreads = 3 * kGroup;
constexpr int kStages = 2;
constexpr int kGroupRows = 64;
constexpr int kHalfTile = 128 * 64 * 2;  // 128 rows of 64 numbers, 128 bytes, swizzled
constexpr int kQueryTile = 64 * 64 * 2;
constexpr float kLowest = -1e30f;  // a maximum before the first key: finite, so never NaN

// kTurns: the two warpgroups take turns with the tensor cores. kLazy: sums are scaled only where a
// maximum of the warp has changed.
template <bool turns, bool persistent, bool lazy, KvKind kv = KvKind::kBf16>
struct Variant {
  static constexpr KvKind kKv = kv;
  static constexpr bool kExpands = kv != KvKind::kBf16;
  // Arrivals that make a tile of keys or values full: of the copy engine's thread, or of every
  // thread that expands.
  static constexpr int kFull = kExpands ? 128 : 1;
  static constexpr int kLoadRegisters = kExpands ? 72 : 24;
  static constexpr int kComputeRegisters = kExpands ? 216 : 240;
  static constexpr bool kTurns = turns;
  static constexpr bool kPersistent = persistent;
  static constexpr bool kLazy = lazy;
};

struct alignas(1024) Shared {
  std::byte q[2][2 * kQueryTile];  // of a warpgroup: the columns from 0 on, then those from 64 on
  std::byte out[2][2 * kQueryTile];
  std::byte k[kStages][2 * kHalfTile];
  std::byte v[kStages][2 * kHalfTile];
  Barrier q_full[2];
  Barrier q_empty[2];
  Barrier k_full[kStages];
  Barrier k_empty[kStages];
  Barrier v_full[kStages];
  Barrier v_empty[kStages];
};

// Tile n of a block's life uses stage n % kStages; parity of the phase that fills it.
struct Stage {
  int index;
  int parity;
  __device__ explicit Stage(int n) : index(n % kStages), parity(n / kStages % 2) {}
};

__device__ inline void arrive_warp(Barrier& barrier) {
  __syncwarp();
  if (threadIdx.x % 32 == 0) {
    arrive(barrier);
  }
}

// Calls body(item) for this block's items. A persistent block takes every gridDim.x-th, the order
// turned around every time, since items become smaller and smaller.
template <class V, class F>
__device__ void for_each_item(const Params& params, F&& body) {
  const Items items(params);
  const int blocks = static_cast<int>(gridDim.x);
  for (int begin = 0; begin < items.count(); begin += blocks) {
    const int block = static_cast<int>(blockIdx.x);
    const bool turned = V::kPersistent && begin / blocks % 2 == 1;
    const int index = begin + (turned ? blocks - 1 - block : block);
    if (index < items.count()) {
      body(items.item(index));
    }
  }
}

// ---- load

// One thread where the cache is of bf16, else the whole warpgroup.
template <class V>
class Loader {
 public:
  __device__ Loader(Shared& shared, const CUtensorMap& q, const CUtensorMap& memory,
                    const Params& params)
      : shared_(shared), q_(q), memory_(memory), params_(params) {}

  // Tiles are asked for in the order in which they are used.
  __device__ void load(const Item& item) {
    load_keys(item, item.last_tile);
    load_queries(item);
    for (int n = item.last_tile; n > item.first_tile; --n) {
      load_keys(item, n - 1);
      load_values(item, n);
    }
    load_values(item, item.first_tile);
  }

 private:
  __device__ void load_queries(const Item& item) {
    if (threadIdx.x != 0) {
      return;
    }
#pragma unroll
    for (int group = 0; group < 2; ++group) {
      wait(shared_.q_empty[group], items_ % 2 ^ 1);
      minimax::cuda::arrive_expecting(shared_.q_full[group], 2 * kQueryTile);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        minimax::cuda::load_box(
            shared_.q[group] + half * kQueryTile, q_, item.head * kDim + half * 64,
            static_cast<int>(item.row) + group * kGroupRows, shared_.q_full[group]);
      }
    }
    ++items_;
  }

  // Rows of the cache that begin at key n * kKeys; those behind the sequence become zero.
  __device__ void load_rows(const Item& item, int n, int page_head, std::byte* to,
                            Barrier& full) const {
    const KvCacheView& cache = *item.cache;
    const int valid = min(kKeys, item.length - n * kKeys);
    const int page_tokens = static_cast<int>(cache.page_tokens);
    const int page = n * kKeys / page_tokens;
    const std::byte* rows =
        cache.pages.data()[page - cache.first_page] +
        (static_cast<std::int64_t>(page_head) * page_tokens + n * kKeys % page_tokens) * 2 * kDim;
    minimax::cuda::arrive_expecting(full, 2 * kHalfTile);
    minimax::cuda::load_rows<kKeys>(to, memory_, rows, 0, valid, full);
    minimax::cuda::load_rows<kKeys>(to + kHalfTile, memory_, rows, 64, valid, full);
  }

  // The same of a quantized cache; codes are on their way while the stage is still in use.
  __device__ void expand_rows(const Item& item, int n, int page_head, std::byte* to, Barrier& full,
                              Barrier& empty, int parity) const {
    const auto thread = static_cast<int>(threadIdx.x);
    KvPieces<V::kKv, kKeys, kGroup> pieces;
    pieces.load(*item.cache, params_.kv_heads, page_head, n * kKeys,
                min(kKeys, item.length - n * kKeys), thread);
    wait(empty, parity);
    pieces.store(to, thread);
    minimax::cuda::fence_shared_for_engines();
    arrive(full);
  }

  __device__ void load_tile(const Item& item, int n, int page_head, std::byte* to, Barrier& full,
                            Barrier& empty, int parity) const {
    if constexpr (V::kExpands) {
      expand_rows(item, n, page_head, to, full, empty, parity);
    } else {
      wait(empty, parity);
      load_rows(item, n, page_head, to, full);
    }
  }

  __device__ int kv_head(const Item& item) const {
    return item.head / (params_.heads / params_.kv_heads);
  }

  __device__ void load_keys(const Item& item, int n) {
    const Stage stage(keys_++);
    load_tile(item, n, kv_head(item), shared_.k[stage.index], shared_.k_full[stage.index],
              shared_.k_empty[stage.index], stage.parity ^ 1);
  }

  __device__ void load_values(const Item& item, int n) {
    const Stage stage(values_++);
    load_tile(item, n, params_.kv_heads + kv_head(item), shared_.v[stage.index],
              shared_.v_full[stage.index], shared_.v_empty[stage.index], stage.parity ^ 1);
  }

  Shared& shared_;
  const CUtensorMap& q_;
  const CUtensorMap& memory_;
  const Params& params_;
  int items_ = 0;
  int keys_ = 0;  // tiles so far
  int values_ = 0;
};

// ---- compute

// The running softmax of a thread's two rows; `sum` is over this thread's columns alone.
struct Running {
  float most[2] = {kLowest, kLowest};
  float sum[2] = {0.0f, 0.0f};
};

// The keys that a thread's rows see of a tile: columns relative to the thread's first.
struct Sight {
  int end[2];    // the first column that is later
  int begin[2];  // the first column that is inside of the window
};

__device__ inline float fast_exp2(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// S = q k^T of one warpgroup, started.
__device__ inline void start_scores(float (&scores)[64], const std::byte* queries,
                                    const std::byte* keys) {
  const auto q = operand_at(shared_address(queries));
  const auto k = operand_at(shared_address(keys));
  minimax::cuda::pin(scores);
  minimax::cuda::fence_products();
#pragma unroll
  for (int d = 0; d < 8; ++d) {
    minimax::cuda::multiply<Major::kSum, Major::kSum>(
        scores, advance(q, d / 4 * kQueryTile + d % 4 * 32),
        advance(k, d / 4 * kHalfTile + d % 4 * 32), d > 0);
  }
  minimax::cuda::commit_products();
}

// O += P v, started; `weights` is P in bf16.
__device__ inline void start_values(float (&out)[64], std::uint32_t (&weights)[32],
                                    const std::byte* values) {
  const auto v = operand_at(shared_address(values), kHalfTile);
  minimax::cuda::pin(weights);
  minimax::cuda::pin(out);
  minimax::cuda::fence_products();
#pragma unroll
  for (int j = 0; j < 8; ++j) {
    minimax::cuda::multiply<Major::kOther>(out, weights + 4 * j, advance(v, j * 2048), true);
  }
  minimax::cuda::commit_products();
}

__device__ inline void hide(float (&scores)[64], const Sight& sight) {
#pragma unroll
  for (int i = 0; i < 64; ++i) {
    const int column = i / 4 * 8 + i % 2;
    const int row = i / 2 % 2;
    if (column >= sight.end[row] || column < sight.begin[row]) {
      scores[i] = -INFINITY;
    }
  }
}

// Scores become weights relative to the new maxima; `factor` is what older sums shrink by.
__device__ inline void soften(float (&scores)[64], float scale_log2, Running& running,
                              float (&factor)[2]) {
  float shift[2];
#pragma unroll
  for (int row = 0; row < 2; ++row) {
    float most = running.most[row];
#pragma unroll
    for (int i = 0; i < 32; ++i) {
      most = fmaxf(most, scores[i / 2 * 4 + row * 2 + i % 2]);
    }
    most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
    most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
    factor[row] = fast_exp2((running.most[row] - most) * scale_log2);
    shift[row] = most * scale_log2;
    running.most[row] = most;
    running.sum[row] *= factor[row];
  }
#pragma unroll
  for (int i = 0; i < 64; ++i) {
    const int row = i / 2 % 2;
    scores[i] = fast_exp2(fmaf(scores[i], scale_log2, -shift[row]));
    running.sum[row] += scores[i];
  }
}

__device__ inline void pack(const float (&scores)[64], std::uint32_t (&weights)[32]) {
#pragma unroll
  for (int i = 0; i < 32; ++i) {
    weights[i] = pack_bf16(scores[2 * i], scores[2 * i + 1]);
  }
}

// A warpgroup with 64 queries of an item.
template <class V>
class Consumer {
 public:
  __device__ Consumer(Shared& shared, const Params& params, int group)
      : shared_(shared), params_(params), group_(group) {
    if (V::kTurns && group_ == 1) {
      end_turn();  // so that the first warpgroup may begin
    }
  }

  __device__ void compute(const Item& item) {
    float out[64];
#pragma unroll
    for (float& x : out) {
      x = 0.0f;
    }
    Running running;
    std::uint32_t weights[32];
    wait(shared_.q_full[group_], items_ % 2);
    first_keys(item, running, weights);
    for (int n = item.last_tile - 1; n >= item.first_tile; --n) {
      next_keys(item, n, running, out, weights);
    }
    arrive_warp(shared_.q_empty[group_]);
    last_values(out, weights);
    store(item, running, out);
    ++items_;
  }

 private:
  // Named barriers: 1 and 2 are the warpgroups' turns, 3 and 4 their own.
  __device__ void begin_turn() const { minimax::cuda::sync_threads_of(1 + group_, 2 * kGroup); }
  __device__ void end_turn() const { minimax::cuda::arrive_threads_of(2 - group_, 2 * kGroup); }

  __device__ int lane_row() const {
    const int thread = static_cast<int>(threadIdx.x) % kGroup;
    return thread / 32 * 16 + thread % 32 / 4;
  }

  __device__ void hide_unseen(const Item& item, int n, float (&scores)[64]) const {
    const int position = item.position + group_ * kGroupRows;  // of the warpgroup's first row
    const bool later = n * kKeys + kKeys - 1 > position;
    const bool outside = params_.window > 0 && n * kKeys < position + kGroupRows - params_.window;
    if (later || outside) {
      const int column = n * kKeys + static_cast<int>(threadIdx.x) % 4 * 2;
      const int end = position + lane_row() + 1 - column;
      const int begin = params_.window > 0 ? end - params_.window : -kKeys;
      hide(scores, {.end = {end, end + 8}, .begin = {begin, begin + 8}});
    }
  }

  __device__ void wait_values(int tile) {
    const Stage stage(tile);
    wait(shared_.v_full[stage.index], stage.parity);
  }

  __device__ void first_keys(const Item& item, Running& running, std::uint32_t (&weights)[32]) {
    float scores[64];
    float factor[2];
    const Stage stage(keys_++);
    wait(shared_.k_full[stage.index], stage.parity);
    start_scores(scores, shared_.q[group_], shared_.k[stage.index]);
    minimax::cuda::wait_products<0>();
    minimax::cuda::pin(scores);
    arrive_warp(shared_.k_empty[stage.index]);
    hide_unseen(item, item.last_tile, scores);
    soften(scores, params_.scale_log2, running, factor);
    pack(scores, weights);
    wait_values(values_);
  }

  // Scores of tile n while the weights of the tile before meet their values.
  __device__ void next_keys(const Item& item, int n, Running& running, float (&out)[64],
                            std::uint32_t (&weights)[32]) {
    float scores[64];
    float factor[2];
    const Stage stage(keys_++);
    const Stage values(values_);
    wait(shared_.k_full[stage.index], stage.parity);
    if constexpr (V::kTurns) {
      begin_turn();
    }
    start_scores(scores, shared_.q[group_], shared_.k[stage.index]);
    start_values(out, weights, shared_.v[values.index]);
    if constexpr (V::kTurns) {
      end_turn();
    }
    minimax::cuda::wait_products<1>();
    minimax::cuda::pin(scores);
    arrive_warp(shared_.k_empty[stage.index]);
    hide_unseen(item, n, scores);
    soften(scores, params_.scale_log2, running, factor);
    minimax::cuda::pin(scores);
    wait_values(values_ + 1);  // between the two lest the assembler moves the next line up
    minimax::cuda::wait_products<0>();
    minimax::cuda::pin(out);
    minimax::cuda::pin(weights);
    arrive_warp(shared_.v_empty[values.index]);
    ++values_;
    if (!V::kLazy || __any_sync(0xffffffffu, factor[0] < 1.0f || factor[1] < 1.0f)) {
#pragma unroll
      for (int i = 0; i < 64; ++i) {
        out[i] *= factor[i / 2 % 2];
      }
    }
    pack(scores, weights);
  }

  __device__ void last_values(float (&out)[64], std::uint32_t (&weights)[32]) {
    const Stage stage(values_++);
    start_values(out, weights, shared_.v[stage.index]);
    minimax::cuda::wait_products<0>();
    minimax::cuda::pin(out);
    arrive_warp(shared_.v_empty[stage.index]);
  }

  // Through shared memory, so that rows are written in whole sectors.
  __device__ void store(const Item& item, const Running& running, const float (&out)[64]) {
    float inverse[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float sum = running.sum[row];
      sum += __shfl_xor_sync(0xffffffffu, sum, 1);
      sum += __shfl_xor_sync(0xffffffffu, sum, 2);
      inverse[row] = 1.0f / sum;
    }
    const int thread = static_cast<int>(threadIdx.x) % kGroup;
    const int row = thread / 32 * 16 + thread % 16;
    const std::uint32_t tile = shared_address(shared_.out[group_]);
    minimax::cuda::sync_threads_of(3 + group_, kGroup);  // the last item's rows have been read
#pragma unroll
    for (int j = 0; j < 16; j += 2) {
      std::uint32_t blocks[4];
#pragma unroll
      for (int b = 0; b < 4; ++b) {
        const int i = 4 * j + 2 * b;
        blocks[b] = pack_bf16(out[i] * inverse[b % 2], out[i + 1] * inverse[b % 2]);
      }
      const int piece = j % 8 + thread % 32 / 16;
      minimax::cuda::store_blocks(tile + static_cast<std::uint32_t>(j / 8 * kQueryTile + row * 128 +
                                                                    ((piece ^ (row % 8)) * 16)),
                                  blocks);
    }
    minimax::cuda::sync_threads_of(3 + group_, kGroup);
    store_rows(item, thread);
  }

  __device__ void store_rows(const Item& item, int thread) const {
    const std::int64_t stride = static_cast<std::int64_t>(params_.heads) * kDim;
    auto* to = static_cast<__nv_bfloat16*>(params_.out) +
               (item.row + group_ * kGroupRows) * stride + item.head * kDim;
    const int rows = item.rows - group_ * kGroupRows;
    const int piece = thread % 16;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int row = i * 8 + thread / 16;
      if (row < rows) {
        *reinterpret_cast<uint4*>(to + row * stride + piece * 8) = *reinterpret_cast<const uint4*>(
            shared_.out[group_] + piece / 8 * kQueryTile + row * 128 + (piece % 8 ^ row % 8) * 16);
      }
    }
  }

  Shared& shared_;
  const Params& params_;
  int group_;
  int items_ = 0;
  int keys_ = 0;  // tiles so far
  int values_ = 0;
};

// ---- the kernel

template <class V>
__device__ void init(Shared& shared) {
  if (threadIdx.x == 0) {
    for (int i = 0; i < 2; ++i) {
      minimax::cuda::init_barrier(shared.q_full[i], 1);
      minimax::cuda::init_barrier(shared.q_empty[i], 4);
    }
    for (int i = 0; i < kStages; ++i) {
      minimax::cuda::init_barrier(shared.k_full[i], V::kFull);
      minimax::cuda::init_barrier(shared.k_empty[i], 8);
      minimax::cuda::init_barrier(shared.v_full[i], V::kFull);
      minimax::cuda::init_barrier(shared.v_empty[i], 8);
    }
    minimax::cuda::publish_barriers();
  }
  __syncthreads();
}

template <class V>
__global__ void __launch_bounds__(kThreads, 1)
    prompt_kernel(const __grid_constant__ CUtensorMap q, const __grid_constant__ CUtensorMap memory,
                  const __grid_constant__ Params params) {
  extern __shared__ __align__(1024) std::byte bytes[];
  auto& shared = *reinterpret_cast<Shared*>(bytes);
  init<V>(shared);
  const int group = __shfl_sync(0xffffffff, static_cast<int>(threadIdx.x) / kGroup, 0);
  if (group == 0) {
    minimax::cuda::give_registers_back<V::kLoadRegisters>();
    if (V::kExpands || threadIdx.x == 0) {
      Loader<V> loader(shared, q, memory, params);
      for_each_item<V>(params, [&](const Item& item) { loader.load(item); });
    }
  } else {
    minimax::cuda::take_registers<V::kComputeRegisters>();
    Consumer<V> consumer(shared, params, group - 1);
    for_each_item<V>(params, [&](const Item& item) { consumer.compute(item); });
  }
}

}  // namespace minimax::ops::cuda::softmax_prompt
