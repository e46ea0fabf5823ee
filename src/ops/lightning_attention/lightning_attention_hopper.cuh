// SPDX-License-Identifier: Apache-2.0
// Prompts on Hopper: heads of 128, bf16 in, float32 state in registers from the first chunk of a
// sequence to its last.
//
// Grid [2, H, B], 640 threads, one block a multiprocessor; a block has 64 of the value columns of
// one head of one sequence. Chunks of 64 tokens pass through four stations, each a warpgroup or
// two, that meet at barriers in shared memory:
//   load      one thread: q or k, and this block's half of v, by the copy engine
//   activate  two warpgroups, chunks by turns: SiLU, rounding, and a copy of v that is decayed by
//             the tokens to the chunk's end. A pair of blocks forms a cluster: one does q, the
//             other k, and each sends the other its result.
//   score     P = (q k^T) decayed by distance, rounded to bf16
//   output    O^T = (S^T q^T) decayed + V^T P^T;  S^T = decayed S^T + (decayed V)^T K
// The transposed forms let the state be the left operand, in registers, and keep it in the layout
// of sums. Bytes: q, k, v and o once, 1,024 a token and head; the aim is the rate of a copy.
#pragma once

#include <cuda.h>

#include "cuda/barrier.cuh"
#include "cuda/bf16.cuh"
#include "cuda/mma.cuh"
#include "cuda/tma.cuh"
#include "cuda/wgmma.cuh"
#include "ops/lightning_attention/lightning_attention_parts.cuh"

namespace minimax::ops::cuda::hopper {

using minimax::cuda::advance;
using minimax::cuda::arrive;
using minimax::cuda::Barrier;
using minimax::cuda::Major;
using minimax::cuda::operand_at;
using minimax::cuda::pack_bf16;
using minimax::cuda::shared_address;
using minimax::cuda::wait;

constexpr int kChunk = 64;               // tokens
constexpr int kDim = 128;                // of a head
constexpr int kTileBytes = 64 * 64 * 2;  // 64 rows of 64 numbers, 128 bytes, swizzled
constexpr int kGroup = 128;              // threads of a warpgroup
constexpr int kThreads = 5 * kGroup;
constexpr int kStages = 4;  // chunks on their way from memory to the products
constexpr int kTurns = 2;   // buffers of scores and outputs

// How SiLU is computed, or that it has been.
enum class Silu { kExact, kTanh, kDone };

// kPair: the two blocks of a head share the work on q and k.
template <bool pair, Silu silu_form, class OutType>
struct Variant {
  static constexpr bool kPair = pair;
  static constexpr Silu kSilu = silu_form;
  using Out = OutType;
  static constexpr int kOwnTiles = pair ? 2 : 4;  // of q and k
  static constexpr int kLoadBytes = (kOwnTiles + 1) * kTileBytes;
};

struct Params {
  const std::int64_t* cu_seqlens;
  float* const* states;
  const float* decay;
  void* out;
  int heads;
};

// Tiles of a chunk. What is loaded is activated in place.
struct Chunk {
  std::byte q[2 * kTileBytes];
  std::byte k[2 * kTileBytes];
  std::byte v[kTileBytes];
  std::byte decayed_v[kTileBytes];
};

template <class V>
struct alignas(1024) Shared {
  Chunk chunks[kStages];
  std::byte scores[kTurns][kTileBytes];
  std::byte out[kTurns][kTileBytes];
  float decay[kChunk + 8];  // of n tokens
  Barrier loaded[kStages];
  Barrier ready[kStages];
  Barrier empty[kStages];
  Barrier scores_full[kTurns];
  Barrier scores_empty[kTurns];
};

// Which part of the work a block has.
struct Work {
  std::int64_t begin;  // the sequence's first token
  int tokens;
  int chunks;
  int head;
  int half;  // of the value columns; the rank in the cluster
  int sequence;
};

__device__ inline int rows_of(const Work& work, int chunk) {
  return min(work.tokens - chunk * kChunk, kChunk);
}

// Chunk n uses stage n % count, whose turn this is; parity of the phase that fills it.
template <int count>
struct Stage {
  int index;
  int parity;
  __device__ explicit Stage(int chunk) : index(chunk % count), parity(chunk / count % 2) {}
};

// Once a warp has done with something.
__device__ inline void arrive_warp(Barrier& barrier) {
  __syncwarp();
  if (threadIdx.x % 32 == 0) {
    arrive(barrier);
  }
}

// The same in both blocks of a pair, whose other half writes there too.
template <class V>
__device__ void release(Barrier& barrier, int half) {
  __syncwarp();
  if (threadIdx.x % 32 == 0) {
    arrive(barrier);
    if constexpr (V::kPair) {
      minimax::cuda::arrive_in_block(barrier, 1 - half);
    }
  }
}

// ---- load

// Where a block's own part of q and k lies in a chunk: two tiles or, alone, four.
template <class V>
__device__ std::byte* own_tiles(Chunk& chunk, const Work& work) {
  return V::kPair && work.half == 1 ? chunk.k : chunk.q;
}

// A stage is empty once both blocks of a pair are done with theirs, so that whoever fills it next
// may also send to the other.
template <class V>
__device__ void load_station(Shared<V>& shared, const CUtensorMap& map, const Work& work) {
  const int column = work.head * 3 * kDim;
  const int first = V::kPair ? column + work.half * kDim : column;
  for (int n = 0; n < work.chunks; ++n) {
    const Stage<kStages> stage(n);
    Chunk& chunk = shared.chunks[stage.index];
    Barrier& loaded = shared.loaded[stage.index];
    wait(shared.empty[stage.index], stage.parity ^ 1);
    minimax::cuda::arrive_expecting(loaded, V::kLoadBytes);
    const int row = static_cast<int>(work.begin) + n * kChunk;
    std::byte* own = own_tiles<V>(chunk, work);
#pragma unroll
    for (int tile = 0; tile < V::kOwnTiles; ++tile) {
      minimax::cuda::load_box(own + tile * kTileBytes, map, first + 64 * tile, row, loaded);
    }
    minimax::cuda::load_box(chunk.v, map, column + 2 * kDim + 64 * work.half, row, loaded);
  }
}

// ---- activate

// SiLU of two numbers of bf16. x sigmoid(x) = h tanh(h) + h with h = x / 2: the approximate tanh is
// off by 2^-11 at most, which adds little to the rounding of the result. In exact form one
// reciprocal serves both; below -60 nothing is left of SiLU.
template <Silu form>
__device__ float2 activate(std::uint32_t pair) {
  if constexpr (form == Silu::kDone) {
    return {minimax::cuda::low_bf16(pair), minimax::cuda::high_bf16(pair)};
  } else if constexpr (form == Silu::kExact) {
    asm("max.NaN.bf16x2 %0, %0, %1;" : "+r"(pair) : "r"(0xc270c270u));
    constexpr float kMinusLog2E = -1.4426950408889634f;
    const float x = minimax::cuda::low_bf16(pair);
    const float y = minimax::cuda::high_bf16(pair);
    const float a = 1.0f + fast_exp2(x * kMinusLog2E);
    const float b = 1.0f + fast_exp2(y * kMinusLog2E);
    const float reciprocal = fast_reciprocal(a * b);
    return {x * b * reciprocal, y * a * reciprocal};
  } else {
    asm("mul.rn.bf16x2 %0, %0, %1;" : "+r"(pair) : "r"(0x3f003f00u));
    const float x = minimax::cuda::low_bf16(pair);
    const float y = minimax::cuda::high_bf16(pair);
    return {fmaf(x, fast_tanh(x), x), fmaf(y, fast_tanh(y), y)};
  }
}

// Eight numbers.
struct Piece {
  float2 pairs[4];
};

template <Silu form>
__device__ Piece load_piece(const std::byte* from) {
  const uint4 raw = *reinterpret_cast<const uint4*>(from);
  return {
      {activate<form>(raw.x), activate<form>(raw.y), activate<form>(raw.z), activate<form>(raw.w)}};
}

__device__ inline uint4 rounded(const Piece& piece) {
  return {
      pack_bf16(piece.pairs[0].x, piece.pairs[0].y), pack_bf16(piece.pairs[1].x, piece.pairs[1].y),
      pack_bf16(piece.pairs[2].x, piece.pairs[2].y), pack_bf16(piece.pairs[3].x, piece.pairs[3].y)};
}

__device__ inline Piece scaled(Piece piece, float factor) {
#pragma unroll
  for (float2& pair : piece.pairs) {
    pair.x *= factor;
    pair.y *= factor;
  }
  return piece;
}

// Tiles keep their layout; a thread's pieces are 16 rows apart. Rows behind the chunk's end become
// zero whatever was loaded there: they are another sequence's.
template <Silu form, bool full>
__device__ void activate_tile(std::byte* tile, int rows) {
  const int thread = threadIdx.x % kGroup;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    auto& piece = *reinterpret_cast<uint4*>(tile + (i * kGroup + thread) * 16);
    const bool valid = full || i * 16 + thread / 8 < rows;
    const uint4 result = rounded(load_piece<form>(tile + (i * kGroup + thread) * 16));
    piece = valid ? result : uint4{};
  }
}

// `decay` is that of this thread's first row to the end of the chunk, and so on in steps of 16
// rows.
template <Silu form, bool full>
__device__ void activate_values(Chunk& chunk, const float* decay, int rows) {
  const int thread = threadIdx.x % kGroup;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int offset = (i * kGroup + thread) * 16;
    const int row = i * 16 + thread / 8;
    const bool valid = full || row < rows;
    const Piece piece = load_piece<form>(chunk.v + offset);
    const float factor = decay[valid ? rows - 1 - row : 0];
    *reinterpret_cast<uint4*>(chunk.v + offset) = valid ? rounded(piece) : uint4{};
    *reinterpret_cast<uint4*>(chunk.decayed_v + offset) =
        valid ? rounded(scaled(piece, factor)) : uint4{};
  }
}

template <class V, bool full>
__device__ void activate_chunk(Shared<V>& shared, Chunk& chunk, std::byte* own, int rows) {
  if constexpr (V::kSilu != Silu::kDone || !full) {
#pragma unroll
    for (int tile = 0; tile < V::kOwnTiles; ++tile) {
      activate_tile<V::kSilu, full>(own + tile * kTileBytes, rows);
    }
  }
  activate_values<V::kSilu, full>(chunk, shared.decay, rows);
}

template <class V>
__device__ void activate_station(Shared<V>& shared, const Work& work, int turn) {
  for (int n = turn; n < work.chunks; n += 2) {
    const Stage<kStages> stage(n);
    Chunk& chunk = shared.chunks[stage.index];
    Barrier& ready = shared.ready[stage.index];
    const int rows = rows_of(work, n);
    std::byte* own = own_tiles<V>(chunk, work);
    wait(shared.loaded[stage.index], stage.parity);
    if (rows == kChunk) {
      activate_chunk<V, true>(shared, chunk, own, kChunk);
    } else {
      activate_chunk<V, false>(shared, chunk, own, rows);
    }
    minimax::cuda::fence_shared_for_engines();
    minimax::cuda::sync_threads_of(1 + turn, kGroup);
    if (threadIdx.x % kGroup == 0) {
      if constexpr (V::kPair) {
        minimax::cuda::arrive_expecting(ready, 2 * kTileBytes);
        minimax::cuda::send_to_block(own, 2 * kTileBytes, ready, 1 - work.half);
      } else {
        arrive(ready);
      }
    }
  }
}

// ---- score

// The place of a lane's address among four 8 x 8 blocks of a tile, for stores of sums.
__device__ inline std::uint32_t swizzled(std::uint32_t tile, int row, int piece) {
  return tile + static_cast<std::uint32_t>(row * 128 + ((piece ^ (row % 8)) * 16));
}

template <class V>
__device__ void score_station(Shared<V>& shared, const Work& work) {
  const int thread = threadIdx.x % kGroup;
  const int lane = thread % 32;
  const int warp_row = thread / 32 * 16;
  float mask[32];
#pragma unroll
  for (int n = 0; n < 32; ++n) {
    const int distance = warp_row + lane / 4 + n / 2 % 2 * 8 - (n / 4 * 8 + lane % 4 * 2 + n % 2);
    mask[n] = distance < 0 ? 0.0f : shared.decay[max(distance, 0)];
  }
  for (int n = 0; n < work.chunks; ++n) {
    const Stage<kStages> stage(n);
    const Stage<kTurns> turn(n);
    const Chunk& chunk = shared.chunks[stage.index];
    wait(shared.ready[stage.index], stage.parity);
    const auto q = operand_at(shared_address(chunk.q));
    const auto k = operand_at(shared_address(chunk.k));
    float sums[32];
    minimax::cuda::pin(sums);
    minimax::cuda::fence_products();
#pragma unroll
    for (int d = 0; d < 8; ++d) {
      const int offset = d / 4 * kTileBytes + d % 4 * 32;
      minimax::cuda::multiply<Major::kSum, Major::kSum>(sums, advance(q, offset),
                                                        advance(k, offset), d > 0);
    }
    minimax::cuda::commit_products();
    minimax::cuda::wait_products<0>();
    minimax::cuda::pin(sums);
    release<V>(shared.empty[stage.index], work.half);
    wait(shared.scores_empty[turn.index], turn.parity ^ 1);
    const std::uint32_t tile = shared_address(shared.scores[turn.index]);
#pragma unroll
    for (int j = 0; j < 8; j += 2) {
      std::uint32_t blocks[4];
#pragma unroll
      for (int b = 0; b < 4; ++b) {
        const int i = 4 * j + 2 * b;
        blocks[b] = pack_bf16(sums[i] * mask[i], sums[i + 1] * mask[i + 1]);
      }
      minimax::cuda::store_blocks(swizzled(tile, warp_row + lane % 16, j + lane / 16), blocks);
    }
    minimax::cuda::fence_shared_for_engines();
    arrive_warp(shared.scores_full[turn.index]);
  }
}

// ---- output

// Calls function(value, offset) for this thread's numbers of S^T; offsets into the [D, D] state are
// from that of the first, so that they are constants.
template <class F>
__device__ void for_each_number(float (&state)[64], F&& function) {
#pragma unroll
  for (int i = 0; i < 64; ++i) {
    function(state[i], (i / 4 * 8 + i % 2) * kDim + i / 2 % 2 * 8);
  }
}

// O^T to a tile of rows of tokens.
__device__ inline void store_transposed(std::uint32_t tile, const float (&sums)[32]) {
  const int thread = threadIdx.x % kGroup;
  const int lane = thread % 32;
  const int piece = thread / 32 * 2 + lane / 8 % 2;
#pragma unroll
  for (int n = 0; n < 8; n += 2) {
    std::uint32_t blocks[4];
#pragma unroll
    for (int b = 0; b < 4; ++b) {
      blocks[b] = pack_bf16(sums[4 * n + 2 * b], sums[4 * n + 2 * b + 1]);
    }
    const int row = 8 * n + lane / 16 * 8 + lane % 8;
    minimax::cuda::store_blocks_transposed(swizzled(tile, row, piece), blocks);
  }
}

// The rows of a chunk that is not full, by ordinary stores: what follows is another sequence's.
__device__ inline void store_rows(const std::byte* tile, __nv_bfloat16* out, std::int64_t stride,
                                  int rows) {
  const int thread = threadIdx.x % kGroup;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int row = i * 16 + thread / 8;
    const int piece = (thread % 8) ^ (row % 8);
    if (row < rows) {
      *reinterpret_cast<uint4*>(out + row * stride + piece * 8) =
          *reinterpret_cast<const uint4*>(tile + (i * kGroup + thread) * 16);
    }
  }
}

template <class V>
__device__ void store_chunk(Shared<V>& shared, const CUtensorMap& map, const Work& work, int n,
                            const float (&sums)[32], __nv_bfloat16* out, std::int64_t stride) {
  const Stage<kTurns> turn(n);
  std::byte* tile = shared.out[turn.index];
  const bool first = threadIdx.x % kGroup == 0;
  if (first) {
    minimax::cuda::wait_stores_read<kTurns - 1>();
  }
  minimax::cuda::sync_threads_of(3, kGroup);
  store_transposed(shared_address(tile), sums);
  minimax::cuda::fence_shared_for_engines();
  minimax::cuda::sync_threads_of(3, kGroup);
  if (rows_of(work, n) < kChunk) {
    store_rows(tile, out, stride, rows_of(work, n));
  } else if (first) {
    minimax::cuda::store_box(map, tile, work.head * kDim + 64 * work.half,
                             static_cast<int>(work.begin) + n * kChunk);
    minimax::cuda::commit_stores();
  }
}

template <class V>
__device__ void store_chunk(Shared<V>&, const CUtensorMap&, const Work& work, int n,
                            const float (&sums)[32], float* out, std::int64_t stride) {
  const int thread = threadIdx.x % kGroup;
  const int lane = thread % 32;
  const int rows = rows_of(work, n);
  out += thread / 32 * 16 + lane / 4;
#pragma unroll
  for (int i = 0; i < 32; ++i) {
    const int row = i / 4 * 8 + lane % 4 * 2 + i % 2;
    if (row < rows) {
      out[row * stride + i / 2 % 2 * 8] = sums[i];
    }
  }
}

// S^T += (decayed V)^T K, started; the state is decayed already.
__device__ inline void start_state(float (&state)[64], const Chunk& chunk) {
  const auto values = operand_at(shared_address(chunk.decayed_v));
  const auto keys = operand_at(shared_address(chunk.k), kTileBytes);
  minimax::cuda::pin(state);
  minimax::cuda::fence_products();
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    minimax::cuda::multiply<Major::kOther, Major::kOther>(state, advance(values, j * 2048),
                                                          advance(keys, j * 2048), true);
  }
  minimax::cuda::commit_products();
}

// O^T = S^T q^T, started; `left` is the state in bf16.
__device__ inline void start_outputs(float (&sums)[32], std::uint32_t (&left)[32],
                                     const Chunk& chunk) {
  const auto q = operand_at(shared_address(chunk.q));
  minimax::cuda::pin(left);
  minimax::cuda::pin(sums);
  minimax::cuda::fence_products();
#pragma unroll
  for (int d = 0; d < 8; ++d) {
    minimax::cuda::multiply<Major::kSum>(sums, left + 4 * d,
                                         advance(q, d / 4 * kTileBytes + d % 4 * 32), d > 0);
  }
  minimax::cuda::commit_products();
}

// O^T += V^T P^T, started.
__device__ inline void start_inside(float (&sums)[32], const Chunk& chunk,
                                    const std::byte* scores) {
  const auto values = operand_at(shared_address(chunk.v));
  const auto weights = operand_at(shared_address(scores));
  minimax::cuda::pin(sums);
  minimax::cuda::fence_products();
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    minimax::cuda::multiply<Major::kOther, Major::kSum>(sums, advance(values, j * 2048),
                                                        advance(weights, j * 32), true);
  }
  minimax::cuda::commit_products();
}

// One chunk of the output station: `sums` become O^T, the state goes on by the chunk.
template <class V>
__device__ void compute_chunk(Shared<V>& shared, const Work& work, int n, float factor,
                              const float (&rise)[16], float (&state)[64], float (&sums)[32]) {
  const Stage<kStages> stage(n);
  const Stage<kTurns> turn(n);
  const Chunk& chunk = shared.chunks[stage.index];
  std::uint32_t left[32];
#pragma unroll
  for (int i = 0; i < 32; ++i) {
    left[i] = pack_bf16(state[2 * i], state[2 * i + 1]);
    state[2 * i] *= factor;
    state[2 * i + 1] *= factor;
  }
  minimax::cuda::pin(left);  // while the chunk is not ready
  minimax::cuda::pin(state);
  wait(shared.ready[stage.index], stage.parity);
  start_outputs(sums, left, chunk);
  start_state(state, chunk);
  minimax::cuda::wait_products<1>();
  minimax::cuda::pin(sums);
  minimax::cuda::pin(left);
#pragma unroll
  for (int i = 0; i < 32; ++i) {
    sums[i] *= rise[i / 4 * 2 + i % 2];
  }
  wait(shared.scores_full[turn.index], turn.parity);
  start_inside(sums, chunk, shared.scores[turn.index]);
  minimax::cuda::wait_products<0>();
  minimax::cuda::pin(sums);
  minimax::cuda::pin(state);
  release<V>(shared.empty[stage.index], work.half);
  arrive_warp(shared.scores_empty[turn.index]);
}

template <class V>
__device__ void output_station(Shared<V>& shared, const CUtensorMap& map, const Params& params,
                               const Work& work) {
  const int lane = threadIdx.x % 32;
  const int warp = static_cast<int>(threadIdx.x) % kGroup / 32;
  float* matrix = params.states[work.sequence] +
                  (static_cast<std::int64_t>(work.head) * kDim + lane % 4 * 2) * kDim +
                  64 * work.half + 16 * warp + lane / 4;
  float state[64];
  for_each_number(state, [&](float& x, int offset) { x = matrix[offset]; });
  float rise[16];  // the decay of the tokens up to a column of O^T, itself included
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    rise[i] = shared.decay[i / 2 * 8 + lane % 4 * 2 + i % 2 + 1];
  }
  const std::int64_t stride = static_cast<std::int64_t>(params.heads) * kDim;
  auto* out = static_cast<typename V::Out*>(params.out) + work.begin * stride + work.head * kDim +
              64 * work.half;
  for (int n = 0; n < work.chunks; ++n) {
    const float factor = shared.decay[rows_of(work, n)];
    float sums[32];
    compute_chunk(shared, work, n, factor, rise, state, sums);
    store_chunk(shared, map, work, n, sums, out + n * kChunk * stride, stride);
  }
  for_each_number(state, [&](float& x, int offset) { matrix[offset] = x; });
  if (threadIdx.x % kGroup == 0) {
    minimax::cuda::wait_stores_read<0>();
  }
}

// ---- the kernel

template <class V>
__device__ void init(Shared<V>& shared, float decay) {
  if (threadIdx.x <= kChunk) {
    shared.decay[threadIdx.x] = decay_factor(decay, threadIdx.x).high;
  }
  if (threadIdx.x == 0) {
    for (int i = 0; i < kStages; ++i) {
      minimax::cuda::init_barrier(shared.loaded[i], 1);
      minimax::cuda::init_barrier(shared.ready[i], 1);
      minimax::cuda::init_barrier(shared.empty[i], V::kPair ? 16 : 8);
    }
    for (int i = 0; i < kTurns; ++i) {
      minimax::cuda::init_barrier(shared.scores_full[i], 4);
      minimax::cuda::init_barrier(shared.scores_empty[i], 4);
    }
    minimax::cuda::publish_barriers();
  }
  if constexpr (V::kPair) {
    minimax::cuda::sync_cluster();
  } else {
    __syncthreads();
  }
}

template <class V>
__global__ void __launch_bounds__(kThreads, 1)
    prompt_kernel(const __grid_constant__ CUtensorMap qkv, const __grid_constant__ CUtensorMap out,
                  const Params params) {
  extern __shared__ __align__(1024) std::byte memory[];
  auto& shared = *reinterpret_cast<Shared<V>*>(memory);
  const std::int64_t begin = params.cu_seqlens[blockIdx.z];
  const auto tokens = static_cast<int>(params.cu_seqlens[blockIdx.z + 1] - begin);
  if (tokens <= 0) {
    return;
  }
  const Work work = {begin,
                     tokens,
                     (tokens + kChunk - 1) / kChunk,
                     static_cast<int>(blockIdx.y),
                     static_cast<int>(blockIdx.x),
                     static_cast<int>(blockIdx.z)};
  init(shared, params.decay[work.head]);
  const int group = __shfl_sync(0xffffffff, static_cast<int>(threadIdx.x) / kGroup, 0);
  if (group == 0) {
    minimax::cuda::give_registers_back<24>();
    if (threadIdx.x == 0) {
      load_station(shared, qkv, work);
    }
  } else if (group == 1 || group == 2) {
    minimax::cuda::give_registers_back<88>();
    activate_station(shared, work, group - 1);
  } else if (group == 3) {
    minimax::cuda::take_registers<104>();
    score_station(shared, work);
  } else {
    minimax::cuda::take_registers<176>();
    output_station(shared, out, params, work);
  }
  if constexpr (V::kPair) {
    __syncwarp();
    minimax::cuda::sync_cluster();  // the other block may still send to this one
  }
}

}  // namespace minimax::ops::cuda::hopper
