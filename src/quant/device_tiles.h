// SPDX-License-Identifier: Apache-2.0
// How weight matrices lie in the memory of a GPU, whatever their format was in the file: tiles in
// the order in which the tensor cores take them, so that every kernel reads a matrix in whole,
// consecutive cache lines and unpacks it in registers. For the loader that repacks, for kernels
// (ops/device_matrix/device_formats.cuh has the code of the GPU) and for planning memory; not for
// the CPU.
//
// The tiles of a row of tiles follow each other along K, and the rows of tiles along N. A tile has
// 16 rows and 64 columns: first the codes, then the scales.
//
// Codes: lane l of a warp multiplies, in step s of 16 columns, eight elements of a tile,
//   pair p = 0 .. 3: row l / 4 + 8 (p % 2), columns 16 s + 2 (l % 4) + 8 (p / 2) and the next:
// the operand of mma.m16n8k16, also the register operand of wgmma. Its codes are consecutive and
// cut into vectors of 16 bytes; vector v of lane l lies at 512 v + 16 l. Within the codes of a
// step,
//   4 bits:  one word; pair p has bits 4 p and 16 + 4 p (unsigned, integers biased by 8),
//            those of a table byte p, the first in the low nibble;
//   8 bits:  words for pairs 0, 1 and 2, 3; an even pair has bytes 0 and 2, an odd one 1 and 3.
//
// Scales: of every row and group of `group` columns, for the rows l / 4, those of lanes with one
// l / 4 side by side: [8][groups of a tile][2 rows: l / 4, l / 4 + 8][scale and, if any, minimum].
//
// Columns beyond K and rows beyond N are zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "quant/format.h"

namespace minimax::quant {

enum class DeviceFormat : std::uint8_t {
  kBF16,     // no tiles: rows as they are, of whole ones: multiples of 16 rows and 64 columns
  kInt8G64,  // binary16 scale per 64
  kInt8G32,  // binary16 scale per 32: int8_g32, Q8_0
  kInt8F32,  // binary32 scale per 64
  kInt8G16,  // binary16 scale per 16: Q6_K, whose scales of two levels are multiplied
  kInt4G64,  // binary16 scale per 64
  kInt4G32,  // binary16 scale per 32: int4_g32, Q4_0
  kInt4Min,  // binary16 scale and minimum per 32: Q4_K, two levels multiplied
  kNF4,      // table of 16 levels, binary32 scale per 64
  kFP4,      // the same with other levels
  kFP8,      // e4m3, binary32 scale per 64: the scales of channels or blocks, repeated
};

inline constexpr std::int64_t kDeviceTileRows = 16;

/// The bytes of a tile.
struct DeviceTile {
  int code_bits;
  int columns;
  int group;        // columns that share a scale; 0: no scales
  int scale_bytes;  // of one row and group, with the minimum

  constexpr int code_bytes() const { return 16 * columns * code_bits / 8; }
  constexpr int groups() const { return group == 0 ? 0 : columns / group; }
  constexpr int bytes() const { return code_bytes() + 16 * groups() * scale_bytes; }
};

constexpr DeviceTile device_tile(DeviceFormat format) {
  switch (format) {
    case DeviceFormat::kBF16:
      return {16, 64, 0, 0};
    case DeviceFormat::kInt8G64:
      return {8, 64, 64, 2};
    case DeviceFormat::kInt8G32:
      return {8, 64, 32, 2};
    case DeviceFormat::kInt8F32:
    case DeviceFormat::kFP8:
      return {8, 64, 64, 4};
    case DeviceFormat::kInt8G16:
      return {8, 64, 16, 2};
    case DeviceFormat::kInt4G64:
      return {4, 64, 64, 2};
    case DeviceFormat::kInt4G32:
      return {4, 64, 32, 2};
    case DeviceFormat::kInt4Min:
      return {4, 64, 32, 4};
    case DeviceFormat::kNF4:
    case DeviceFormat::kFP4:
      return {4, 64, 64, 4};
  }
  return {};
}

/// The places of a matrix [rows, columns]; a stack of matrices has them one after the other.
struct DeviceLayout {
  DeviceFormat format;
  std::int64_t rows;     // N
  std::int64_t columns;  // K

  constexpr DeviceTile tile() const { return device_tile(format); }
  constexpr std::int64_t row_tiles() const {
    return (rows + kDeviceTileRows - 1) / kDeviceTileRows;
  }
  constexpr std::int64_t column_tiles() const {
    return (columns + tile().columns - 1) / tile().columns;
  }
  constexpr std::int64_t row_tile_bytes() const { return column_tiles() * tile().bytes(); }
  constexpr std::int64_t bytes() const { return row_tiles() * row_tile_bytes(); }
};

/// What rows of blocks of that format become, if the GPU has kernels for it.
std::optional<DeviceFormat> device_format(Format format);

/// Whether matrices of that format are repacked for the GPU: plain ones stay as they are.
bool has_tiles(Format format);

/// Whether plain weights can be taken for tiles where they lie.
constexpr bool has_whole_tiles(std::int64_t rows, std::int64_t columns) {
  return rows % kDeviceTileRows == 0 && columns % 64 == 0;
}

/// Element (row, column) of a repacked matrix in host memory: the slow decoder that the kernels are
/// compared with. Requires: both within the layout.
float decode_device_element(const DeviceLayout& layout, const std::byte* bytes, std::int64_t row,
                            std::int64_t column);

}  // namespace minimax::quant
