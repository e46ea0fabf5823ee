// SPDX-License-Identifier: Apache-2.0
// Prompts by the bf16 products of compute capability 8.0, any head dimension that is a multiple of
// 16 up to 128. State and sums are float32.
//
// A block has up to 7 warps, 16 value columns of one head's state each (D = 128: two blocks of 4
// warps); a warp keeps its part of the transposed state S^T [16, D] in registers. Per chunk of 64
// tokens: SiLU from the projection to shared memory, the decayed scores P (each 16 x 16 tile by one
// warp), then O^T = S^T Q^T decayed + V^T P^T, and S^T = decayed S^T + (decayed V)^T K.
// The next chunk is copied to shared memory meanwhile.
#include <cuda_runtime.h>

#include "base/check.h"
#include "cuda/check.h"
#include "cuda/mma.cuh"
#include "ops/lightning_attention/lightning_attention_parts.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::copy_async_16;
using minimax::cuda::high_bf16;
using minimax::cuda::load_blocks;
using minimax::cuda::load_blocks_transposed;
using minimax::cuda::low_bf16;
using minimax::cuda::mma_bf16;
using minimax::cuda::pack_bf16;
using minimax::cuda::shared_address;

constexpr int kChunk = 64;  // tokens
constexpr int kTiles = kChunk / 16;
constexpr int kPad = 8;  // elements a row, so that eight rows lie in different banks

template <int kDim>
struct Shape {
  static constexpr int kSlices = kDim == 128 ? 2 : 1;
  static constexpr int kValues = kDim / kSlices;  // value columns a block
  static constexpr int kWarps = kValues / 16;
  static constexpr int kThreads = 32 * kWarps;
  static constexpr int kRawRow = 2 * kDim + kValues;
};

template <int kDim>
struct alignas(16) Shared {
  using S = Shape<kDim>;
  __nv_bfloat16 raw[kChunk][S::kRawRow];  // q, k and this block's columns of v, before SiLU
  __nv_bfloat16 q[kChunk][kDim + kPad];
  __nv_bfloat16 k[kChunk][kDim + kPad];
  __nv_bfloat16 v[kChunk][S::kValues + kPad];
  __nv_bfloat16 decayed_v[kChunk][S::kValues + kPad];  // by the tokens to the chunk's end
  __nv_bfloat16 scores[kChunk][kChunk + kPad];
  float decay[kChunk + 1];  // of n tokens
};

// One chunk of one sequence and head.
struct Chunk {
  const __nv_bfloat16* qkv;  // of its first token and this head
  std::int64_t stride;
  int rows;
};

template <int kDim>
__device__ void start_copies(Shared<kDim>& shared, const Chunk& chunk, int column) {
  constexpr int kPieces = Shape<kDim>::kRawRow / 8;
  for (int i = threadIdx.x; i < kChunk * kPieces; i += Shape<kDim>::kThreads) {
    const int row = i / kPieces;
    const int piece = i % kPieces * 8;
    const int from = piece < 2 * kDim ? piece : piece + column;
    const bool valid = row < chunk.rows;
    copy_async_16(shared_address(&shared.raw[row][piece]),
                  chunk.qkv + (valid ? row * chunk.stride + from : 0), valid);
  }
}

// Eight numbers, each times `factor` after SiLU.
struct Piece {
  float values[8];
};

__device__ Piece load_piece(const __nv_bfloat16* from, bool activated) {
  const uint4 raw = *reinterpret_cast<const uint4*>(from);
  const std::uint32_t pairs[4] = {raw.x, raw.y, raw.z, raw.w};
  Piece piece;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    piece.values[2 * i] = low_bf16(pairs[i]);
    piece.values[2 * i + 1] = high_bf16(pairs[i]);
    if (!activated) {
      silu(piece.values[2 * i], piece.values[2 * i + 1]);
    }
  }
  return piece;
}

__device__ void store_piece(__nv_bfloat16* to, const Piece& piece, float factor) {
  const auto pair = [&](int i) {
    return pack_bf16(piece.values[2 * i] * factor, piece.values[2 * i + 1] * factor);
  };
  *reinterpret_cast<uint4*>(to) = {pair(0), pair(1), pair(2), pair(3)};
}

// From raw to q, k, v and decayed_v. Rows behind the chunk's end are zero in raw and stay so.
template <int kDim>
__device__ void activate(Shared<kDim>& shared, int rows, bool activated) {
  constexpr int kPieces = Shape<kDim>::kRawRow / 8;
  for (int i = threadIdx.x; i < kChunk * kPieces; i += Shape<kDim>::kThreads) {
    const int row = i / kPieces;
    const int column = i % kPieces * 8;
    const Piece piece = load_piece(&shared.raw[row][column], activated);
    if (column < kDim) {
      store_piece(&shared.q[row][column], piece, 1.0f);
    } else if (column < 2 * kDim) {
      store_piece(&shared.k[row][column - kDim], piece, 1.0f);
    } else {
      store_piece(&shared.v[row][column - 2 * kDim], piece, 1.0f);
      store_piece(&shared.decayed_v[row][column - 2 * kDim], piece,
                  row < rows ? shared.decay[rows - 1 - row] : 0.0f);
    }
  }
}

// The addresses that a lane gives for the four 8 x 8 blocks of a 16 x 16 tile at (row, column):
// blocks in the order (0, 0), (1, 0), (0, 1), (1, 1), or with the middle two exchanged.
template <int kRow>
__device__ std::uint32_t tile_down(const __nv_bfloat16 (*tile)[kRow], int row, int column) {
  const int lane = threadIdx.x % 32;
  return shared_address(&tile[row + lane % 16][column + lane / 16 * 8]);
}
template <int kRow>
__device__ std::uint32_t tile_across(const __nv_bfloat16 (*tile)[kRow], int row, int column) {
  const int lane = threadIdx.x % 32;
  return shared_address(&tile[row + lane % 8 + lane / 16 * 8][column + lane / 8 % 2 * 8]);
}

// P [i, j] = q_i k_j decayed by i - j, for the 16 x 16 tiles on and below the diagonal.
template <int kDim>
__device__ void store_scores(Shared<kDim>& shared, int tile_i, int tile_j) {
  float sums[8] = {};
#pragma unroll
  for (int d = 0; d < kDim; d += 16) {
    std::uint32_t a[4];
    std::uint32_t b[4];
    load_blocks(a, tile_down(shared.q, 16 * tile_i, d));
    load_blocks(b, tile_across(shared.k, 16 * tile_j, d));
    mma_bf16(sums, a, b[0], b[1]);
    mma_bf16(sums + 4, a, b[2], b[3]);
  }
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < 8; n += 2) {
    const int i = 16 * tile_i + lane / 4 + n / 2 % 2 * 8;
    const int j = 16 * tile_j + n / 4 * 8 + lane % 4 * 2;
    const float low = j <= i ? sums[n] * shared.decay[i - j] : 0.0f;
    const float high = j + 1 <= i ? sums[n + 1] * shared.decay[i - j - 1] : 0.0f;
    *reinterpret_cast<std::uint32_t*>(&shared.scores[i][j]) = pack_bf16(low, high);
  }
}

// The registers of one warp: S^T [16, D] as sums of products have it.
template <int kDim>
struct State {
  float values[kDim / 2];
};

// Calls function(value, offset) for the state's numbers of this lane; offsets into the [D, D] state
// are from that of the first.
template <int kDim, class F>
__device__ void for_each_number(State<kDim>& state, F&& function) {
#pragma unroll
  for (int i = 0; i < kDim / 2; ++i) {
    function(state.values[i], (i / 4 * 8 + i % 2) * kDim + i / 2 % 2 * 8);
  }
}

// O^T [16 values, 16 tokens] of one warp and tile of tokens.
template <int kDim>
__device__ void tile_outputs(const Shared<kDim>& shared, const std::uint32_t (&state)[kDim / 4],
                             int tile, float (&sums)[8]) {
  const int column = threadIdx.x / 32 * 16;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int d = 0; d < kDim; d += 16) {
    std::uint32_t b[4];
    load_blocks(b, tile_across(shared.q, 16 * tile, d));
    const std::uint32_t a[4] = {state[d / 4], state[d / 4 + 1], state[d / 4 + 2], state[d / 4 + 3]};
    mma_bf16(sums, a, b[0], b[1]);
    mma_bf16(sums + 4, a, b[2], b[3]);
  }
#pragma unroll
  for (int n = 0; n < 8; ++n) {
    sums[n] *= shared.decay[16 * tile + n / 4 * 8 + lane % 4 * 2 + n % 2 + 1];
  }
  for (int j = 0; j <= tile; ++j) {
    std::uint32_t a[4];
    std::uint32_t b[4];
    load_blocks_transposed(a, tile_across(shared.v, 16 * j, column));
    load_blocks(b, tile_across(shared.scores, 16 * tile, 16 * j));
    mma_bf16(sums, a, b[0], b[1]);
    mma_bf16(sums + 4, a, b[2], b[3]);
  }
}

// The tile of O^T to rows of the output, of which `rows` exist.
__device__ void store_tile(float* out, std::int64_t stride, int rows, const float (&sums)[8]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < 8; ++n) {
    const int token = n / 4 * 8 + lane % 4 * 2 + n % 2;
    if (token < rows) {
      out[token * stride + lane / 4 + n / 2 % 2 * 8] = sums[n];
    }
  }
}

__device__ void store_tile(__nv_bfloat16* out, std::int64_t stride, int rows,
                           const float (&sums)[8]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int n = 0; n < 8; n += 2) {
    const std::uint32_t pair = minimax::cuda::transpose_block(pack_bf16(sums[n], sums[n + 1]));
    const int token = n / 4 * 8 + lane / 4;
    if (token < rows) {
      *reinterpret_cast<std::uint32_t*>(out + token * stride + n / 2 % 2 * 8 + lane % 4 * 2) = pair;
    }
  }
}

template <int kDim>
__device__ void update_state(const Shared<kDim>& shared, DecayFactor factor, State<kDim>& state) {
  const int column = threadIdx.x / 32 * 16;
#pragma unroll
  for (int i = 0; i < kDim / 2; ++i) {
    state.values[i] = apply(factor, state.values[i]);
  }
#pragma unroll
  for (int j = 0; j < kChunk; j += 16) {
    std::uint32_t a[4];
    load_blocks_transposed(a, tile_across(shared.decayed_v, j, column));
#pragma unroll
    for (int d = 0; d < kDim; d += 16) {
      std::uint32_t b[4];
      load_blocks_transposed(b, tile_down(shared.k, j, d));
      mma_bf16(state.values + d / 2, a, b[0], b[1]);
      mma_bf16(state.values + d / 2 + 4, a, b[2], b[3]);
    }
  }
}

// What the products of a chunk need after SiLU; ends with the chunk's outputs and the new state.
template <int kDim, class Out>
__device__ void compute_chunk(Shared<kDim>& shared, DecayFactor factor, int rows, Out* out,
                              std::int64_t stride, State<kDim>& state) {
  const int warp = threadIdx.x / 32;
  int n = 0;
  for (int i = 0; i < kTiles; ++i) {
    for (int j = 0; j <= i; ++j, ++n) {
      if (n % Shape<kDim>::kWarps == warp) {
        store_scores(shared, i, j);
      }
    }
  }
  std::uint32_t rounded[kDim / 4];
#pragma unroll
  for (int i = 0; i < kDim / 4; ++i) {
    rounded[i] = pack_bf16(state.values[2 * i], state.values[2 * i + 1]);
  }
  __syncthreads();
  for (int tile = 0; tile < kTiles; ++tile) {
    float sums[8] = {};
    tile_outputs<kDim>(shared, rounded, tile, sums);
    store_tile(out + 16 * tile * stride + 16 * warp, stride, rows - 16 * tile, sums);
  }
  update_state(shared, factor, state);
}

template <int kDim, class Out>
__global__ __launch_bounds__(Shape<kDim>::kThreads) void mma_kernel(LightningCudaArgs args) {
  extern __shared__ std::byte memory[];
  auto& shared = *reinterpret_cast<Shared<kDim>*>(memory);
  const std::int64_t begin = args.cu_seqlens[blockIdx.z];
  const std::int64_t end = args.cu_seqlens[blockIdx.z + 1];
  if (begin >= end) {
    return;
  }
  const int head = blockIdx.y;
  const int column = blockIdx.x * Shape<kDim>::kValues;
  const std::int64_t stride = args.heads * 3 * kDim;
  const std::int64_t out_stride = args.heads * kDim;
  const auto chunk_at = [&](std::int64_t t) {
    return Chunk{static_cast<const __nv_bfloat16*>(args.qkv) + t * stride + head * 3 * kDim, stride,
                 static_cast<int>(min(end - t, static_cast<std::int64_t>(kChunk)))};
  };
  start_copies<kDim>(shared, chunk_at(begin), column);
  const float decay = args.decay[head];
  for (int i = threadIdx.x; i <= kChunk; i += Shape<kDim>::kThreads) {
    shared.decay[i] = decay_factor(decay, i).high;
  }
  const int lane = threadIdx.x % 32;
  float* matrix = args.states[blockIdx.z] +
                  (static_cast<std::int64_t>(head) * kDim + lane % 4 * 2) * kDim + column +
                  threadIdx.x / 32 * 16 + lane / 4;
  State<kDim> state;
  for_each_number(state, [&](float& x, int offset) { x = matrix[offset]; });
  DecayFactor factor = decay_factor(decay, kChunk);
  for (std::int64_t t = begin; t < end; t += kChunk) {
    const int rows = chunk_at(t).rows;
    minimax::cuda::wait_copies_async();
    __syncthreads();
    activate<kDim>(shared, rows, args.input == LightningInput::kActivated);
    __syncthreads();
    if (t + kChunk < end) {
      start_copies<kDim>(shared, chunk_at(t + kChunk), column);
    }
    if (rows < kChunk) {
      factor = decay_factor(decay, rows);
    }
    compute_chunk<kDim>(shared, factor, rows,
                        static_cast<Out*>(args.out) + t * out_stride + head * kDim + column,
                        out_stride, state);
  }
  for_each_number(state, [&](float& x, int offset) { matrix[offset] = x; });
}

template <int kDim, class Out>
void launch(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  using S = Shape<kDim>;
  const auto kernel = mma_kernel<kDim, Out>;
  const int bytes = static_cast<int>(sizeof(Shared<kDim>));
  minimax::cuda::check(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
      "lightning_attention: shared memory");
  const dim3 grid(S::kSlices, static_cast<unsigned>(args.heads), static_cast<unsigned>(args.batch));
  kernel<<<grid, S::kThreads, static_cast<std::size_t>(bytes), stream>>>(args);
}

template <int kDim>
void launch_dim(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  if (args.out_type == tensor::DType::kF32) {
    launch<kDim, float>(args, stream);
  } else {
    launch<kDim, __nv_bfloat16>(args, stream);
  }
}

template <int kDim = 16>
void visit_dim(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  if (args.head_dim == kDim) {
    return launch_dim<kDim>(args, stream);
  }
  if constexpr (kDim < 128) {
    visit_dim<kDim + 16>(args, stream);
  }
}

}  // namespace

void lightning_mma(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  base::check(args.qkv_type == tensor::DType::kBF16, ErrorCode::kInvalidArgument,
              "lightning_attention: the products of bf16 take BF16 activations");
  visit_dim(args, stream);
  minimax::cuda::check_launch("lightning_attention");
}

}  // namespace minimax::ops::cuda
