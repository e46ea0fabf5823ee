// SPDX-License-Identifier: Apache-2.0
// Softmax attention with the matrix instructions of compute capability 8.0: bf16 throughout, heads
// of 32, 64 or 128, pages of any size.
//
// A block has 64 rows of a key/value head of a sequence, 16 a warp; row r is token r / G, head r %
// G of the group. It goes through their keys 64 at a time. Grid [tiles of rows, KVH], 128 threads.
// Shared memory: a tile of keys and one of values, rows 16 bytes apart beyond their size, so that
// eight of them lie in different banks.
#include "cuda/bf16.cuh"
#include "cuda/kernel.cuh"
#include "cuda/mma.cuh"
#include "ops/softmax_attention/sequences.cuh"
#include "ops/softmax_attention/softmax_attention_cuda.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::mma_bf16;
using minimax::cuda::pack_bf16;
using minimax::cuda::shared_address;

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * 32;
constexpr int kRows = kWarps * 16;
constexpr int kKeys = 64;
constexpr float kLowest = -1e30f;  // a maximum before the first key: finite, so never NaN

// The rows of a block; none where `rows` is 0.
struct RowTile {
  int sequence = 0;
  int first_row = 0;  // of the sequence's key/value head
  int rows = 0;
  int position = 0;  // of the sequence's first new token

  __device__ RowTile(const SoftmaxCudaArgs& args, int group, int tile) {
    for (int b = 0; b < args.batch; ++b) {
      const auto tokens = static_cast<int>(args.cu_seqlens[b + 1] - args.cu_seqlens[b]);
      const int tiles = (tokens * group + kRows - 1) / kRows;
      if (tile < tiles) {
        sequence = b;
        first_row = tile * kRows;
        rows = min(kRows, tokens * group - first_row);
        position = static_cast<int>(args.caches[b].length) - tokens;
        return;
      }
      tile -= tiles;
    }
  }
};

template <int dim>
struct Tiles {
  static constexpr int kStride = dim + 8;
  __nv_bfloat16 k[kKeys][kStride];
  __nv_bfloat16 v[kKeys][kStride];
};

// Two rows of a lane, lane / 4 and lane / 4 + 8.
template <int dim>
struct Rows {
  std::uint32_t queries[dim / 16][4];
  float out[dim / 8][4] = {};
  float most[2] = {kLowest, kLowest};
  float weight[2] = {0.0f, 0.0f};  // of this lane's columns
};

template <int dim>
class Block {
 public:
  __device__ Block(const SoftmaxCudaArgs& args, Tiles<dim>& tiles)
      : args_(args),
        tiles_(tiles),
        group_(static_cast<int>(args.heads / args.kv_heads)),
        tile_(args, group_, static_cast<int>(blockIdx.x)),
        kv_head_(static_cast<int>(blockIdx.y)),
        warp_(static_cast<int>(threadIdx.x) / 32),
        lane_(static_cast<int>(threadIdx.x) % 32) {}

  __device__ void compute() {
    if (tile_.rows == 0) {
      return;
    }
    Rows<dim> rows;
    load_queries(rows);
    const auto window = static_cast<int>(args_.sliding_window);
    const int begin = tile_.position + tile_.first_row / group_;
    const int end = tile_.position + (tile_.first_row + tile_.rows - 1) / group_ + 1;
    const int first = window > 0 ? max(0, begin + 1 - window) : 0;
    for (int key = first / kKeys * kKeys; key < end; key += kKeys) {
      load_tile(max(key, first), key, end);
      add_tile(rows, key);
      __syncthreads();
    }
    write(rows);
  }

 private:
  // Of q and out; rows behind the tile's are those of its last.
  __device__ std::int64_t row_offset(int half) const {
    const int row = tile_.first_row + min(warp_ * 16 + lane_ / 4 + half * 8, tile_.rows - 1);
    return ((args_.cu_seqlens[tile_.sequence] + row / group_) * args_.heads + kv_head_ * group_ +
            row % group_) *
           dim;
  }

  __device__ void load_queries(Rows<dim>& rows) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const auto* from = reinterpret_cast<const std::uint32_t*>(
                             static_cast<const __nv_bfloat16*>(args_.q) + row_offset(half)) +
                         lane_ % 4;
#pragma unroll
      for (int d = 0; d < dim / 16; ++d) {
        rows.queries[d][half] = from[d * 8];
        rows.queries[d][2 + half] = from[d * 8 + 4];
      }
    }
  }

  // Keys and values from `key` on; those outside of [first, end) become zero.
  __device__ void load_tile(int first, int key, int end) {
    const KvCacheView& cache = args_.caches[tile_.sequence];
    constexpr int kPieces = dim / 8;
    for (int i = static_cast<int>(threadIdx.x); i < 2 * kKeys * kPieces; i += kThreads) {
      const bool is_value = i >= kKeys * kPieces;
      const int row = i / kPieces % kKeys;
      const int piece = i % kPieces * 8;
      const bool counts = first <= key + row && key + row < end;
      const auto* from = row_of<__nv_bfloat16>(cache, counts ? key + row : first,
                                               kv_head_ + (is_value ? args_.kv_heads : 0), dim);
      auto& to = is_value ? tiles_.v[row][piece] : tiles_.k[row][piece];
      minimax::cuda::copy_async_16(shared_address(&to), from + piece, counts);
    }
    minimax::cuda::wait_copies_async();
    __syncthreads();
  }

  __device__ void add_tile(Rows<dim>& rows, int key) {
    float scores[kKeys / 8][4] = {};
#pragma unroll
    for (int d = 0; d < dim / 16; ++d) {
#pragma unroll
      for (int n = 0; n < kKeys / 16; ++n) {
        std::uint32_t keys[4];
        minimax::cuda::load_blocks(
            keys, shared_address(
                      &tiles_.k[n * 16 + lane_ / 16 * 8 + lane_ % 8][d * 16 + lane_ / 8 % 2 * 8]));
        mma_bf16(scores[2 * n], rows.queries[d], keys[0], keys[1]);
        mma_bf16(scores[2 * n + 1], rows.queries[d], keys[2], keys[3]);
      }
    }
    hide_unseen(scores, key);
    soften(rows, scores);
    add_values(rows, scores);
  }

  __device__ void hide_unseen(float (&scores)[kKeys / 8][4], int key) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = tile_.first_row + warp_ * 16 + lane_ / 4 + half * 8;
      const int position = tile_.position + row / group_;
      const int oldest =
          args_.sliding_window > 0 ? position - static_cast<int>(args_.sliding_window) : -1;
#pragma unroll
      for (int i = 0; i < kKeys / 4; ++i) {
        const int column = key + i / 2 * 8 + lane_ % 4 * 2 + i % 2;
        float& score = scores[i / 2][half * 2 + i % 2];
        score = column > position || column <= oldest ? -INFINITY : score;
      }
    }
  }

  // Scores become weights relative to the new maxima.
  __device__ static void soften(Rows<dim>& rows, float (&scores)[kKeys / 8][4]) {
    const float scale_log2 = 1.4426950408889634f * rsqrtf(static_cast<float>(dim));
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float most = rows.most[half];
#pragma unroll
      for (int i = 0; i < kKeys / 4; ++i) {
        most = fmaxf(most, scores[i / 2][half * 2 + i % 2]);
      }
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
      most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
      const float factor = exp2f((rows.most[half] - most) * scale_log2);
      rows.most[half] = most;
      rows.weight[half] *= factor;
#pragma unroll
      for (int i = 0; i < kKeys / 4; ++i) {
        float& score = scores[i / 2][half * 2 + i % 2];
        score = exp2f((score - most) * scale_log2);
        rows.weight[half] += score;
      }
#pragma unroll
      for (int d = 0; d < dim / 8; ++d) {
        rows.out[d][half * 2] *= factor;
        rows.out[d][half * 2 + 1] *= factor;
      }
    }
  }

  __device__ void add_values(Rows<dim>& rows, const float (&scores)[kKeys / 8][4]) const {
#pragma unroll
    for (int j = 0; j < kKeys / 16; ++j) {
      const float(&left)[4] = scores[2 * j];
      const float(&right)[4] = scores[2 * j + 1];
      const std::uint32_t weights[4] = {pack_bf16(left[0], left[1]), pack_bf16(left[2], left[3]),
                                        pack_bf16(right[0], right[1]),
                                        pack_bf16(right[2], right[3])};
#pragma unroll
      for (int d = 0; d < dim / 16; ++d) {
        std::uint32_t values[4];
        minimax::cuda::load_blocks_transposed(
            values, shared_address(&tiles_.v[j * 16 + lane_ % 16][d * 16 + lane_ / 16 * 8]));
        mma_bf16(rows.out[2 * d], weights, values[0], values[1]);
        mma_bf16(rows.out[2 * d + 1], weights, values[2], values[3]);
      }
    }
  }

  __device__ void write(const Rows<dim>& rows) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float weight = rows.weight[half];
      weight += __shfl_xor_sync(0xffffffffu, weight, 1);
      weight += __shfl_xor_sync(0xffffffffu, weight, 2);
      const float share = 1.0f / weight;
      if (warp_ * 16 + lane_ / 4 + half * 8 < tile_.rows) {
        auto* to = reinterpret_cast<std::uint32_t*>(static_cast<__nv_bfloat16*>(args_.out) +
                                                    row_offset(half)) +
                   lane_ % 4;
#pragma unroll
        for (int d = 0; d < dim / 8; ++d) {
          to[d * 4] = pack_bf16(rows.out[d][half * 2] * share, rows.out[d][half * 2 + 1] * share);
        }
      }
    }
  }

  const SoftmaxCudaArgs& args_;
  Tiles<dim>& tiles_;
  int group_;
  RowTile tile_;
  int kv_head_;
  int warp_;
  int lane_;
};

template <int dim>
__global__ void __launch_bounds__(kThreads)
    mma_kernel(const __grid_constant__ SoftmaxCudaArgs args) {
  __shared__ __align__(16) Tiles<dim> tiles;
  Block<dim>(args, tiles).compute();
}

}  // namespace

void softmax_mma(const SoftmaxCudaArgs& args, minimax::cuda::Stream stream) {
  const std::int64_t group = args.heads / args.kv_heads;
  const dim3 grid(static_cast<unsigned>(args.tokens * group / kRows + args.batch),
                  static_cast<unsigned>(args.kv_heads));
  switch (args.head_dim) {
    case 32:
      mma_kernel<32><<<grid, kThreads, 0, stream>>>(args);
      break;
    case 64:
      mma_kernel<64><<<grid, kThreads, 0, stream>>>(args);
      break;
    default:
      mma_kernel<128><<<grid, kThreads, 0, stream>>>(args);
  }
  minimax::cuda::check_launch("softmax_attention");
}

}  // namespace minimax::ops::cuda
