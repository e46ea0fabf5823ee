// SPDX-License-Identifier: Apache-2.0
// Grid: a warp for a tile. Bytes moved: both forms of the matrix. Roofline: the link that the
// blocks come by, which is far below what device memory gives.
#include <type_traits>

#include "cuda/check.h"
#include "ops/device_matrix/repack_cuda.h"
#include "quant/format.h"

namespace minimax::ops::cuda {
namespace {

constexpr int kThreads = 256;

struct TilePlace {
  std::int64_t row;  // of the first element, in the stacked matrices
  std::int64_t column;
  std::byte* bytes;
};

/// Blocks of a row-major matrix.
template <class Source>
struct BlockRows {
  using Block = typename Source::Block;
  const Block* blocks;
  std::int64_t rows;
  std::int64_t columns;

  __device__ bool has(std::int64_t row, std::int64_t column) const {
    return row < rows && column < columns;
  }
  __device__ const Block& block(std::int64_t row, std::int64_t column) const {
    return blocks[row * (columns / Source::kElements) + column / Source::kElements];
  }
  template <DeviceFormat format>
  __device__ std::uint32_t code(std::int64_t row, std::int64_t column) const {
    const Block& from = block(row, column);
    const int i = static_cast<int>(column % Source::kElements);
    if constexpr (format == DeviceFormat::kFP8) {
      return from.codes[static_cast<std::size_t>(i)];
    } else if constexpr (format == DeviceFormat::kInt4G64 || format == DeviceFormat::kInt4G32) {
      return static_cast<std::uint32_t>(Source::code(from, i) + 8);
    } else {
      return static_cast<std::uint32_t>(Source::code(from, i)) & 0xffu;
    }
  }
  template <DeviceFormat format>
  __device__ void store_scale(std::int64_t row, std::int64_t column, std::byte* to) const {
    const Block& from = block(row, column);
    if constexpr (format == DeviceFormat::kInt8G16) {
      const int j = static_cast<int>(column % Source::kElements) / Source::kSubElements;
      *reinterpret_cast<tensor::Float16*>(to) = tensor::to_float16(
          tensor::to_float(from.scale) * static_cast<float>(Source::sub_scale(from, j)));
    } else if constexpr (format == DeviceFormat::kInt4Min) {
      const int j = static_cast<int>(column % Source::kElements) / Source::kSubElements;
      auto* pair = reinterpret_cast<tensor::Float16*>(to);
      pair[0] = tensor::to_float16(tensor::to_float(from.scale) *
                                   static_cast<float>(Source::sub_scale(from, j)));
      pair[1] = tensor::to_float16(tensor::to_float(from.min) *
                                   static_cast<float>(Source::sub_min(from, j)));
    } else if constexpr (format == DeviceFormat::kNF4 || format == DeviceFormat::kFP4) {
      *reinterpret_cast<float*>(to) = from.absmax;
    } else if constexpr (device_tile(format).group != 0) {
      *reinterpret_cast<std::remove_const_t<decltype(from.scale)>*>(to) = from.scale;
    }
  }
};

struct FP8Rows {
  RepackFP8 args;

  __device__ bool has(std::int64_t row, std::int64_t column) const {
    return row < args.rows && column < args.columns;
  }
  template <DeviceFormat format>
  __device__ std::uint32_t code(std::int64_t row, std::int64_t column) const {
    return static_cast<const std::uint8_t*>(args.codes)[row * args.columns + column];
  }
  template <DeviceFormat format>
  __device__ void store_scale(std::int64_t row, std::int64_t column, std::byte* to) const {
    const std::int64_t across = (args.columns + args.scale_columns - 1) / args.scale_columns;
    *reinterpret_cast<float*>(to) =
        args.scales[row / args.scale_rows * across + column / args.scale_columns];
  }
};

/// Where the code of a pair's element lies among the bits of a step.
template <DeviceFormat format>
__device__ constexpr int code_bit(int pair, int half) {
  constexpr int kBits = device_tile(format).code_bits;
  if constexpr (format == DeviceFormat::kNF4 || format == DeviceFormat::kFP4) {
    return 8 * pair + 4 * half;
  } else if constexpr (kBits == 4) {
    return 4 * pair + 16 * half;
  } else if constexpr (kBits == 8) {
    return 32 * (pair / 2) + 16 * half + 8 * (pair % 2);
  } else {
    return kBits * (2 * pair + half);
  }
}

template <DeviceFormat format, class Rows>
__device__ void repack_codes(const Rows& from, const TilePlace& tile, int lane) {
  constexpr DeviceTile kTile = device_tile(format);
  constexpr int kStepWords = kTile.code_bits / 4;
#pragma unroll
  for (int s = 0; s < kTile.columns / 16; ++s) {
    std::uint32_t words[kStepWords] = {};
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int pair = i / 2;
      const std::int64_t row = tile.row + lane / 4 + 8 * (pair % 2);
      const std::int64_t column = tile.column + 16 * s + 2 * (lane % 4) + 8 * (pair / 2) + i % 2;
      if (from.has(row, column)) {
        constexpr auto kBit = &code_bit<format>;
        words[kBit(pair, i % 2) / 32] |= from.template code<format>(row, column)
                                         << (kBit(pair, i % 2) % 32);
      }
    }
#pragma unroll
    for (int w = 0; w < kStepWords; ++w) {
      const int offset = 4 * (kStepWords * s + w);
      *reinterpret_cast<std::uint32_t*>(tile.bytes + 512 * (offset / 16) + 16 * lane +
                                        offset % 16) = words[w];
    }
  }
}

template <DeviceFormat format, class Rows>
__device__ void repack_scales(const Rows& from, const TilePlace& tile, int lane) {
  constexpr DeviceTile kTile = device_tile(format);
  for (int i = lane; i < 16 * kTile.groups(); i += 32) {
    const std::int64_t row = tile.row + i / (2 * kTile.groups()) + i % 2 * 8;
    const std::int64_t column = tile.column + i / 2 % kTile.groups() * kTile.group;
    std::byte* to = tile.bytes + kTile.code_bytes() + i * kTile.scale_bytes;
    if (from.has(row, column)) {
      from.template store_scale<format>(row, column, to);
    } else {
      for (int b = 0; b < kTile.scale_bytes; ++b) {
        to[b] = std::byte{0};
      }
    }
  }
}

template <DeviceFormat format, class Rows>
__global__ void __launch_bounds__(kThreads)
    repack_kernel(Rows from, std::int64_t tiles, std::int64_t column_tiles, std::byte* out) {
  constexpr DeviceTile kTile = device_tile(format);
  const std::int64_t index =
      (static_cast<std::int64_t>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x)) / 32;
  if (index >= tiles) {
    return;
  }
  const TilePlace tile = {.row = index / column_tiles * kDeviceTileRows,
                          .column = index % column_tiles * kTile.columns,
                          .bytes = out + index * kTile.bytes()};
  const int lane = static_cast<int>(threadIdx.x) % 32;
  repack_codes<format>(from, tile, lane);
  if constexpr (kTile.group != 0) {
    repack_scales<format>(from, tile, lane);
  }
}

template <DeviceFormat format, class Rows>
void launch(const Rows& from, const DeviceLayout& layout, void* out, minimax::cuda::Stream stream) {
  const std::int64_t tiles = layout.row_tiles() * layout.column_tiles();
  const auto blocks = static_cast<unsigned>((tiles * 32 + kThreads - 1) / kThreads);
  if (blocks == 0) {
    return;
  }
  repack_kernel<format><<<blocks, kThreads, 0, stream>>>(from, tiles, layout.column_tiles(),
                                                         static_cast<std::byte*>(out));
  minimax::cuda::check_launch("repack");
}

template <class Source, DeviceFormat format>
void repack_as(const Repack& args, minimax::cuda::Stream stream) {
  const std::int64_t rows = args.rows * args.matrices;
  const BlockRows<Source> from = {static_cast<const typename Source::Block*>(args.blocks), rows,
                                  args.columns};
  launch<format>(from, DeviceLayout{format, rows, args.columns}, args.tiles, stream);
}

}  // namespace

void repack(const Repack& args, minimax::cuda::Stream stream) {
  switch (args.format) {
    case quant::Format::kInt8G64:
      return repack_as<quant::Int8Group<64>, DeviceFormat::kInt8G64>(args, stream);
    case quant::Format::kInt8G32:
      return repack_as<quant::Int8Group<32>, DeviceFormat::kInt8G32>(args, stream);
    case quant::Format::kQ8_0:
      return repack_as<quant::Q8_0, DeviceFormat::kInt8G32>(args, stream);
    case quant::Format::kInt8F32:
      return repack_as<quant::Int8F32, DeviceFormat::kInt8F32>(args, stream);
    case quant::Format::kQ6_K:
      return repack_as<quant::Q6_K, DeviceFormat::kInt8G16>(args, stream);
    case quant::Format::kInt4G64:
      return repack_as<quant::Int4Group<64>, DeviceFormat::kInt4G64>(args, stream);
    case quant::Format::kInt4G32:
      return repack_as<quant::Int4Group<32>, DeviceFormat::kInt4G32>(args, stream);
    case quant::Format::kQ4_0:
      return repack_as<quant::Q4_0, DeviceFormat::kInt4G32>(args, stream);
    case quant::Format::kQ4_K:
      return repack_as<quant::Q4_K, DeviceFormat::kInt4Min>(args, stream);
    case quant::Format::kNF4:
      return repack_as<quant::NF4, DeviceFormat::kNF4>(args, stream);
    case quant::Format::kFP4:
      return repack_as<quant::FP4, DeviceFormat::kFP4>(args, stream);
    case quant::Format::kFP8:
      return repack_as<quant::FP8, DeviceFormat::kFP8>(args, stream);
    default:
      minimax::cuda::check(cudaErrorNotSupported, "repack");
  }
}

void repack_fp8(const RepackFP8& args, minimax::cuda::Stream stream) {
  launch<DeviceFormat::kFP8>(
      FP8Rows{args}, DeviceLayout{DeviceFormat::kFP8, args.rows, args.columns}, args.tiles, stream);
}

}  // namespace minimax::ops::cuda
