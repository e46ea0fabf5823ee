// SPDX-License-Identifier: Apache-2.0
// The kernel of few_rows_cuda.h for more rows than one tile of the tensor cores has: weights are
// the register operand of wgmma, rows of x the shared one. Grid: one block per multiprocessor, all
// at once. Block: four warpgroups. Shared memory: 225 KB. Bytes moved: the matrix, x and out, and
// in the second cache the float32 sums of every part of K twice. Roofline: reading device memory,
// from some 40 rows on the tensor cores.
//
// A block keeps the rows for one part of K and streams a range of the rows of the matrix, 64 at a
// time to a warpgroup; a warp has its own ring of tiles. The sums of the parts go to scratch, and
// after a barrier of the grid all blocks add them in the order of the parts. A matrix with more
// rows than scratch has room for is gone through in rounds.
#pragma once

#include "cuda/async_copy.cuh"
#include "cuda/barrier.cuh"
#include "cuda/grid_barrier.cuh"
#include "cuda/launch_order.cuh"
#include "cuda/mma.cuh"
#include "cuda/wgmma_narrow.cuh"
#include "ops/device_matrix/stream_rows.cuh"
#include "ops/matmul/few_rows_kernels.h"
#include "ops/matmul/store_sum.cuh"

namespace minimax::ops::cuda {

inline constexpr int kSeveralDynamicBytes = 230000;
inline constexpr int kSeveralRowBytes = 131072;
inline constexpr int kSeveralSumBytes = 8192;

/// How a product is cut up. The host chooses it.
struct SeveralRowsPlan {
  int parts;         // of K
  int part_tiles;    // tiles of a part; the last may have fewer
  int ranges;        // of the rows of the matrix
  int blocks;        // of 64 rows
  int round_blocks;  // of a round
};

template <class F, int row_count>
struct SeveralTraits {
  static constexpr DeviceTile kTile = F::kTile;
  static constexpr int kTable = F::Codes::kTable ? kTableBytes : 0;
  static constexpr int kSums = F::Scales::kHasMin ? kSeveralSumBytes : 0;
  static constexpr int kStageBytes = kTile.bytes();
  static constexpr int kFitting =
      (kSeveralDynamicBytes - 1024 - kSeveralRowBytes - kTable - kSums) /
      (kStreamWarps * kStageBytes);
  static constexpr int kStages = kFitting > 8 ? 8 : kFitting;
  static constexpr int kColumns = kSeveralRowBytes / 2 / row_count;  // of the largest part
  static_assert(kStages >= 2);
};

/// Where things lie in the dynamic shared memory.
struct SeveralMemory {
  std::byte* rows;  // tiles of 64 columns: [row_count, 128 bytes], swizzled
  float* sums;      // [groups of 32, row_count]
  std::uint32_t* table;
  std::byte* ring;

  template <class T>
  __device__ static SeveralMemory at(std::byte* dynamic) {
    const auto address = static_cast<unsigned>(__cvta_generic_to_shared(dynamic));
    std::byte* rows = dynamic + (1024 - address % 1024) % 1024;
    return {rows, reinterpret_cast<float*>(rows + kSeveralRowBytes),
            reinterpret_cast<std::uint32_t*>(rows + kSeveralRowBytes + T::kSums),
            rows + kSeveralRowBytes + T::kSums + T::kTable};
  }
};

/// The blocks of 64 rows of a warpgroup in a round.
struct BlockRange {
  int begin;
  int end;
};

__device__ inline BlockRange blocks_of_range(const SeveralRowsPlan& plan, int round) {
  const int range = static_cast<int>(blockIdx.x) / plan.parts;
  const int begin = round * plan.round_blocks;
  if (range >= plan.ranges || begin >= plan.blocks) {
    return {0, 0};
  }
  const int count = min(plan.round_blocks, plan.blocks - begin);
  return {begin + range * count / plan.ranges, begin + (range + 1) * count / plan.ranges};
}

__device__ inline int warpgroup() { return static_cast<int>(threadIdx.x) / 128; }

/// A warp's row of tiles in all its blocks, several tiles ahead.
template <class T>
class RowRing {
 public:
  __device__ RowRing(const FewRowsProduct& args, const SeveralRowsPlan& plan, std::byte* ring)
      : args_(args), plan_(plan), ring_(ring + threadIdx.x / 32 * (T::kStages * T::kStageBytes)) {
    first_tile_ = static_cast<int>(blockIdx.x) % plan.parts * plan.part_tiles;
    tiles_ = min(plan.part_tiles, static_cast<int>(args.layout.column_tiles()) - first_tile_);
    enter_round();
#pragma unroll 1
    for (int i = 0; i < T::kStages; ++i) {
      push(i);
    }
  }

  __device__ int tiles() const { return tiles_; }
  __device__ int first_tile() const { return first_tile_; }

  __device__ const std::byte* wait() {
    minimax::cuda::wait_copy_groups<T::kStages - 1>();
    __syncwarp();
    return ring_ + stage_ * T::kStageBytes;
  }

  __device__ void release() {
    __syncwarp();
    push(stage_);
    stage_ = stage_ + 1 == T::kStages ? 0 : stage_ + 1;
  }

 private:
  __device__ void enter_round() {
    const int rounds = (plan_.blocks + plan_.round_blocks - 1) / plan_.round_blocks;
    for (; round_ < rounds; ++round_) {
      const BlockRange range = blocks_of_range(plan_, round_);
      block_ = range.begin + warpgroup();
      end_ = range.end;
      if (block_ < end_) {
        enter_block();
        return;
      }
    }
    live_ = false;
  }

  __device__ void enter_block() {
    const std::int64_t tile = 4 * static_cast<std::int64_t>(block_) + threadIdx.x / 32 % 4;
    present_ = tile < args_.layout.row_tiles();
    from_ = static_cast<const std::byte*>(args_.weight) + tile * args_.layout.row_tile_bytes() +
            static_cast<std::int64_t>(first_tile_) * T::kStageBytes + 16 * (threadIdx.x % 32);
    step_ = 0;
  }

  __device__ void push(int stage) {
    if (live_) {
      const int lane = static_cast<int>(threadIdx.x) % 32;
      const std::uint32_t to =
          minimax::cuda::shared_address(ring_ + stage * T::kStageBytes + 16 * lane);
      constexpr int kWhole = T::kStageBytes / 512;
#pragma unroll
      for (int i = 0; i <= kWhole; ++i) {
        if (present_ && (i < kWhole || lane < (T::kStageBytes - 512 * kWhole) / 16)) {
          minimax::cuda::start_copy_16(to + 512 * i, from_ + 512 * i);
        }
      }
      from_ += T::kStageBytes;
      advance();
    }
    minimax::cuda::end_copy_group();
  }

  __device__ void advance() {
    if (++step_ < tiles_) {
      return;
    }
    block_ += 4;
    if (block_ < end_) {
      enter_block();
      return;
    }
    ++round_;
    enter_round();
  }

  const FewRowsProduct& args_;
  const SeveralRowsPlan& plan_;
  std::byte* ring_;
  const std::byte* from_ = nullptr;
  int first_tile_;
  int tiles_;
  int round_ = 0;
  int block_ = 0;
  int end_ = 0;
  int step_ = 0;
  int stage_ = 0;
  bool present_ = false;
  bool live_ = true;
};

/// Puts a part of all rows into shared memory.
template <int row_count>
__device__ void stage_swizzled(const FewRowsProduct& args, std::byte* rows, int begin,
                               int columns) {
  const int vectors = columns / 8;
  const int inner = static_cast<int>(args.layout.columns);
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < row_count * vectors; i += kStreamThreads) {
    const int r = i / vectors;
    const int column = (i - r * vectors) * 8;
    uint4 value = make_uint4(0, 0, 0, 0);
    if (r < args.rows) {
      value = load_bf16_columns(
          static_cast<const std::uint16_t*>(args.x) + static_cast<std::int64_t>(r) * inner,
          begin + column, inner);
    }
    std::byte* tile = rows + column / 64 * (row_count * 128) + r * 128;
    *reinterpret_cast<uint4*>(tile + (column / 8 % 8 ^ r % 8) * 16) = value;
  }
}

/// Sums over groups of 32 columns, for minima.
template <int row_count>
__device__ void sum_swizzled(const SeveralMemory& memory, int columns) {
  for (int i = static_cast<int>(threadIdx.x); i < columns / 32 * row_count; i += kStreamThreads) {
    const int r = i % row_count;
    const int column = i / row_count * 32;
    const std::byte* tile = memory.rows + column / 64 * (row_count * 128) + r * 128;
    float sum = 0.0f;
    for (int j = 0; j < 4; ++j) {
      const uint4 v = *reinterpret_cast<const uint4*>(tile + ((column / 8 + j) % 8 ^ r % 8) * 16);
      sum += minimax::cuda::low_bf16(v.x) + minimax::cuda::high_bf16(v.x);
      sum += minimax::cuda::low_bf16(v.y) + minimax::cuda::high_bf16(v.y);
      sum += minimax::cuda::low_bf16(v.z) + minimax::cuda::high_bf16(v.z);
      sum += minimax::cuda::low_bf16(v.w) + minimax::cuda::high_bf16(v.w);
    }
    memory.sums[i] = sum;
  }
}

/// out += scale * c - min * the rows' sums over the group: of a group of columns from `column` on.
template <class F, int row_count>
__device__ void add_group(const GroupScales& scale, const SeveralMemory& memory, int column,
                          const float (&c)[row_count / 2], float (&out)[row_count / 2]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int i = 0; i < row_count / 2; ++i) {
    out[i] += scale.scale[i / 2 % 2] * c[i];
    if constexpr (F::Scales::kHasMin) {
      const int row = 8 * (i / 4) + lane % 4 * 2 + i % 2;
      out[i] -= scale.min[i / 2 % 2] * memory.sums[column / 32 * row_count + row];
    }
  }
}

/// The same for codes with a scale for every group.
template <class F, int row_count, class Weights>
__device__ void multiply_groups(const std::byte* tile, const SeveralMemory& memory, int column,
                                const Weights& a, minimax::cuda::Operand b,
                                float (&out)[row_count / 2]) {
  constexpr int kGroups = F::kTile.groups();
  constexpr int kGroupSteps = F::Codes::kSteps / kGroups;
  const std::byte* scales = lane_scales<F>(tile);
#pragma unroll
  for (int group = 0; group < kGroups; ++group) {
    float c[row_count / 2];
    minimax::cuda::fence_products();
#pragma unroll
    for (int s = group * kGroupSteps; s < (group + 1) * kGroupSteps; ++s) {
      minimax::cuda::multiply_columns(c, a.registers[0][s], minimax::cuda::advance(b, 32 * s),
                                      s > group * kGroupSteps);
    }
    minimax::cuda::commit_products();
    const GroupScales scale = F::Scales::load(scales + group * 2 * F::kTile.scale_bytes);
    minimax::cuda::wait_products<0>();
    minimax::cuda::pin(c);
    add_group<F, row_count>(scale, memory, column + group * F::kTile.group, c, out);
  }
}

/// Takes off what the codes are biased by.
template <class F, class Weights>
__device__ void take_off_bias(Weights& a) {
  if constexpr (F::kBias != 0.0f) {
    const std::uint32_t bias = minimax::cuda::pack_bf16(-F::kBias, -F::kBias);
#pragma unroll
    for (int i = 0; i < 4 * F::Codes::kSteps; ++i) {
      a.registers[0][i / 4][i % 4] = fma_bf16x2(a.registers[0][i / 4][i % 4], 0x3f803f80u, bias);
    }
  }
}

/// Adds the product of a tile of this warp, and of those of the other warps of the warpgroup.
template <class F, int row_count>
__device__ void multiply_rows(const std::byte* tile, const SeveralMemory& memory, int column,
                              float (&out)[row_count / 2]) {
  using C = typename F::Codes;
  constexpr int kVectors = F::kTile.code_bytes() / 512;
  std::uint32_t words[4 * kVectors];
  load_codes<kVectors>(tile, words);
  WeightOperand<C::kPlanes, C::kSteps> a;
  C::unpack(words, a, memory.table);
  const auto address =
      minimax::cuda::shared_address(memory.rows) +
      static_cast<std::uint32_t>(column / 64 * (row_count * 128) + column % 64 * 2);
  const minimax::cuda::Operand b = minimax::cuda::operand_at(address);
  take_off_bias<F>(a);
  multiply_groups<F, row_count>(tile, memory, column, a, b, out);
}

/// Adds the parts of the sums of a round and stores them.
template <int row_count>
__device__ void add_parts(const FewRowsProduct& args, const SeveralRowsPlan& plan, int round,
                          const float4* partial) {
  constexpr int kBlockVectors = 16 * row_count;  // of 64 x row_count sums
  const int first = round * plan.round_blocks;
  const int blocks = min(plan.round_blocks, plan.blocks - first);
  const std::int64_t part_stride = static_cast<std::int64_t>(plan.round_blocks) * kBlockVectors;
  const auto store = [&](int token, std::int64_t row, float value) {
    if (token >= args.rows || row >= args.layout.rows) {
      return;
    }
    store_sum(args, token, row, value);
  };
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kStreamThreads + threadIdx.x;
       i < static_cast<std::int64_t>(blocks) * kBlockVectors;
       i += static_cast<std::int64_t>(gridDim.x) * kStreamThreads) {
    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll 4
    for (int p = 0; p < plan.parts; ++p) {
      const float4 part = __ldcg(partial + p * part_stride + i);
      sum = make_float4(sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w);
    }
    const int lane = static_cast<int>(i % 32);
    const int eight = static_cast<int>(i / 32 % (row_count / 8));
    const std::int64_t tile = i / (4 * row_count) + 4 * static_cast<std::int64_t>(first);
    const std::int64_t row = 16 * tile + lane / 4;
    const int token = 8 * eight + lane % 4 * 2;
    store(token, row, sum.x);
    store(token + 1, row, sum.y);
    store(token, row + 8, sum.z);
    store(token + 1, row + 8, sum.w);
  }
}

template <class F, int row_count>
__global__ void __launch_bounds__(kStreamThreads, 1)
    several_rows_kernel(const __grid_constant__ FewRowsProduct args,
                        const __grid_constant__ SeveralRowsPlan plan) {
  using T = SeveralTraits<F, row_count>;
  extern __shared__ __align__(1024) std::byte dynamic[];
  minimax::cuda::let_next_kernel_start();
  const SeveralMemory memory = SeveralMemory::at<T>(dynamic);
  RowRing<T> ring(args, plan, memory.ring);
  fill_table<F>(memory.table);
  minimax::cuda::wait_for_kernels_ahead();
  const int columns = ring.tiles() * T::kTile.columns;
  stage_swizzled<row_count>(args, memory.rows, ring.first_tile() * T::kTile.columns, columns);
  minimax::cuda::fence_shared_for_engines();
  __syncthreads();
  if constexpr (F::Scales::kHasMin) {
    sum_swizzled<row_count>(memory, columns);
    __syncthreads();
  }
  auto* barrier = static_cast<unsigned*>(args.barrier);
  auto* partial = static_cast<float4*>(args.scratch);
  const int part = static_cast<int>(blockIdx.x) % plan.parts;
  const int rounds = (plan.blocks + plan.round_blocks - 1) / plan.round_blocks;
#pragma unroll 1
  for (int round = 0; round < rounds; ++round) {
    const BlockRange range = blocks_of_range(plan, round);
#pragma unroll 1
    for (int block = range.begin + warpgroup(); block < range.end; block += 4) {
      float sums[row_count / 2] = {};
#pragma unroll 1
      for (int tile = 0; tile < ring.tiles(); ++tile) {
        const std::byte* stage = ring.wait();
        multiply_rows<F, row_count>(stage, memory, tile * T::kTile.columns, sums);
        ring.release();
      }
      const std::int64_t at = (static_cast<std::int64_t>(part) * plan.round_blocks + block -
                               round * plan.round_blocks) *
                                  16 * row_count +
                              threadIdx.x / 32 % 4 * (4 * row_count) + threadIdx.x % 32;
#pragma unroll
      for (int i = 0; i < row_count / 8; ++i) {
        __stcg(partial + at + 32 * i,
               make_float4(sums[4 * i], sums[4 * i + 1], sums[4 * i + 2], sums[4 * i + 3]));
      }
    }
    minimax::cuda::wait_for_grid(barrier);
    add_parts<row_count>(args, plan, round, partial);
    if (round + 1 < rounds) {
      minimax::cuda::wait_for_grid(barrier);
    }
  }
}

/// Cuts a product so that the warpgroups have the least to do one after the other, counting what
/// the parts' sums cost.
template <class T, int row_count>
SeveralRowsPlan plan_several_rows(const DeviceLayout& layout, int processors) {
  const int tiles = static_cast<int>(layout.column_tiles());
  const int blocks = static_cast<int>((layout.row_tiles() + 3) / 4);
  const int fewest = (tiles * T::kTile.columns + T::kColumns - 1) / T::kColumns;
  SeveralRowsPlan best = {};
  double best_us = 0.0;
  for (int parts = fewest; parts <= (fewest > 16 ? fewest : 16) && parts <= tiles; ++parts) {
    const int part_tiles = (tiles + parts - 1) / parts;
    if ((parts - 1) * part_tiles >= tiles || parts > processors) {
      continue;
    }
    const int ranges = processors / parts;
    const std::int64_t room = (kFewRowsScratchBytes) / (std::int64_t{parts} * 256 * row_count);
    const int round_blocks = static_cast<int>(room < blocks ? room : blocks);
    const int rounds = (blocks + round_blocks - 1) / round_blocks;
    const int of_range = (round_blocks + ranges - 1) / ranges;
    constexpr double kTileUs = 4.0 * T::kTile.bytes() * 4 * 132 / 4.0e6;  // of a warpgroup
    const double us = rounds * ((of_range + 3) / 4 * part_tiles * kTileUs +
                                parts * 64.0 * round_blocks * row_count * 8 / 4.0e6);
    if (best.parts == 0 || us < best_us) {
      best = {parts, part_tiles, ranges, blocks, round_blocks};
      best_us = us;
    }
  }
  return best;
}

template <DeviceFormat format, int row_count>
void launch_several_rows_of(const FewRowsProduct& args, minimax::cuda::Stream stream) {
  using F = DeviceFormatOf<format>;
  const SeveralRowsPlan plan =
      plan_several_rows<SeveralTraits<F, row_count>, row_count>(args.layout, args.processors);
  minimax::cuda::launch_early("few_rows_product", &several_rows_kernel<F, row_count>,
                              {.blocks = plan.parts * plan.ranges,
                               .threads = kStreamThreads,
                               .shared_bytes = kSeveralDynamicBytes},
                              stream, args, plan);
}

template <DeviceFormat format>
void launch_several_rows(const FewRowsProduct& args, minimax::cuda::Stream stream) {
  if (args.rows <= 16) {
    launch_several_rows_of<format, 16>(args, stream);
  } else if (args.rows <= 32) {
    launch_several_rows_of<format, 32>(args, stream);
  } else {
    launch_several_rows_of<format, 64>(args, stream);
  }
}

}  // namespace minimax::ops::cuda
