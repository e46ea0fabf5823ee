// SPDX-License-Identifier: Apache-2.0
// Grid: a warp for a tile. Block: 256 threads. Shared memory: 16 KB, in which lanes exchange
// elements so that rows are written in whole lines. Bytes moved: the tiles and twice the elements.
// Roofline: device memory.
#include "cuda/bf16.cuh"
#include "cuda/check.h"
#include "ops/device_matrix/decode_tiles_cuda.h"
#include "ops/device_matrix/stream_tiles.cuh"
#include "ops/device_matrix/visit_device_format.h"

namespace minimax::ops::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTileRowBytes = 128;  // 64 elements

/// The elements of a step of 16 columns and a pair as float32, without their scale.
template <class F>
struct Elements {
  using C = typename F::Codes;
  static constexpr int kVectors = F::kTile.code_bytes() / 512;
  std::uint32_t words[4 * kVectors];
  WeightOperand<C::kPlanes, C::kSteps> operand;

  __device__ Elements(const std::byte* tile) {
    load_codes<kVectors>(tile, words);
    if constexpr (!C::kTable) {
      C::unpack(words, operand, nullptr);
    }
  }
  __device__ float2 at(int step, int pair, const float* levels) const {
    if constexpr (C::kTable) {
      const std::uint32_t codes = words[step] >> (8 * pair);
      return make_float2(levels[codes & 15u], levels[codes >> 4 & 15u]);
    } else {
      const std::uint32_t both = operand.registers[0][step][pair];
      return make_float2(minimax::cuda::low_bf16(both) - F::kBias,
                         minimax::cuda::high_bf16(both) - F::kBias);
    }
  }
};

/// Where a lane's pair lies among the rows of a tile: eight rows take different banks.
__device__ int exchange_place(int row, int chunk) {
  return row * kTileRowBytes + ((chunk ^ row % 8) * 16);
}

template <class F>
__device__ void decode_to_shared(const std::byte* tile, const float* levels, std::byte* to) {
  constexpr int kGroupSteps = F::Codes::kSteps / F::kTile.groups();
  const Elements<F> elements(tile);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::byte* scales = lane_scales<F>(tile);
#pragma unroll
  for (int step = 0; step < F::Codes::kSteps; ++step) {
    const GroupScales scale =
        F::Scales::load(scales + step / kGroupSteps * 2 * F::kTile.scale_bytes);
#pragma unroll
    for (int pair = 0; pair < 4; ++pair) {
      float2 value = elements.at(step, pair, levels);
      value.x *= scale.scale[pair % 2];
      value.y *= scale.scale[pair % 2];
      if constexpr (F::Scales::kHasMin) {
        value.x -= scale.min[pair % 2];
        value.y -= scale.min[pair % 2];
      }
      const int at =
          exchange_place(lane / 4 + 8 * (pair % 2), 2 * step + pair / 2) + 4 * (lane % 4);
      *reinterpret_cast<std::uint32_t*>(to + at) = minimax::cuda::pack_bf16(value.x, value.y);
    }
  }
}

template <class F>
__global__ void __launch_bounds__(kThreads)
    decode_kernel(const DecodeTiles args, std::int64_t row_tiles, std::int64_t column_tiles) {
  __shared__ __align__(16) std::byte exchange[kThreads / 32][16 * kTileRowBytes];
  __shared__ float levels[16];
  if constexpr (F::Codes::kTable) {
    if (threadIdx.x < 16) {
      levels[threadIdx.x] = table_level<F::kFormat>(static_cast<int>(threadIdx.x));
    }
    __syncthreads();
  }
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32) + warp;
  const std::int64_t matrix = index / (row_tiles * column_tiles);
  if (matrix >= args.matrices) {
    return;
  }
  const std::int64_t within = index - matrix * row_tiles * column_tiles;
  const std::int64_t row_tile = within / column_tiles;
  const std::int64_t column_tile = within - row_tile * column_tiles;
  const std::byte* tile =
      static_cast<const std::byte*>(args.tiles) + matrix * args.matrix_bytes +
      ((args.first_row / kDeviceTileRows + row_tile) * column_tiles + column_tile) *
          F::kTile.bytes();
  decode_to_shared<F>(tile, levels, exchange[warp]);
  __syncwarp();
  auto* out = static_cast<std::uint16_t*>(args.out) + matrix * args.rows * args.layout.columns;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int row = 4 * i + lane / 8;
    const std::int64_t to_row = 16 * row_tile + row;
    const std::int64_t column = column_tile * 64 + lane % 8 * 8;
    if (to_row < args.rows && column < args.layout.columns) {
      *reinterpret_cast<uint4*>(out + to_row * args.layout.columns + column) =
          *reinterpret_cast<const uint4*>(exchange[warp] + exchange_place(row, lane % 8));
    }
  }
}

}  // namespace

void decode_tiles(const DecodeTiles& args, minimax::cuda::Stream stream) {
  visit_device_format(args.layout.format, [&]<DeviceFormat format>() {
    if constexpr (device_tile(format).code_bits > 8) {
      minimax::cuda::check(cudaErrorNotSupported, "decoding tiles");
    } else {
      const std::int64_t row_tiles = (args.rows + kDeviceTileRows - 1) / kDeviceTileRows;
      const std::int64_t column_tiles = args.layout.column_tiles();
      const std::int64_t tiles = args.matrices * row_tiles * column_tiles;
      constexpr std::int64_t kWarps = kThreads / 32;
      if (tiles > 0) {
        decode_kernel<DeviceFormatOf<format>>
            <<<static_cast<unsigned>((tiles + kWarps - 1) / kWarps), kThreads, 0, stream>>>(
                args, row_tiles, column_tiles);
        minimax::cuda::check_launch("decoding tiles");
      }
    }
  });
}

}  // namespace minimax::ops::cuda
