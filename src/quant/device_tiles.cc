// SPDX-License-Identifier: Apache-2.0
#include "quant/device_tiles.h"

#include <cstring>

#include "quant/nf4.h"
#include "tensor/float16.h"

namespace minimax::quant {
namespace {

// Where an element lies in the registers of a warp; see the header.
struct Place {
  std::int64_t lane;
  std::int64_t step;
  std::int64_t pair;
  std::int64_t half;
};

Place place_in_tile(std::int64_t row, std::int64_t column) {
  const std::int64_t within = column % 16;
  return {.lane = 4 * (row % 8) + within % 8 / 2,
          .step = column / 16,
          .pair = row / 8 + 2 * (within / 8),
          .half = within % 2};
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// The byte `offset` of what a lane has of a tile.
std::int64_t lane_byte(std::int64_t lane, std::int64_t offset) {
  return 512 * (offset / 16) + 16 * lane + offset % 16;
}

unsigned code_of_4_bits(DeviceFormat format, const std::byte* tile, const Place& at) {
  const auto word = load<std::uint32_t>(tile + lane_byte(at.lane, 4 * at.step));
  const bool table = format == DeviceFormat::kNF4 || format == DeviceFormat::kFP4;
  const std::int64_t bit = table ? 8 * at.pair + 4 * at.half : 4 * at.pair + 16 * at.half;
  return (word >> bit) & 15u;
}

std::uint8_t code_of_8_bits(const std::byte* tile, const Place& at) {
  const std::int64_t byte = 4 * (at.pair / 2) + 2 * at.half + at.pair % 2;
  return load<std::uint8_t>(tile + lane_byte(at.lane, 8 * at.step + byte));
}

float e4m3(std::uint8_t code) {
  const int exponent = (code >> 3) & 15;
  const float mantissa = static_cast<float>(code & 7);
  const float magnitude = exponent == 0
                              ? mantissa * 0x1p-9f
                              : (8.0f + mantissa) * 0x1p-10f * static_cast<float>(1 << exponent);
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

float level(DeviceFormat format, const std::byte* tile, const Place& at) {
  switch (format) {
    case DeviceFormat::kNF4:
      return kNf4Values[code_of_4_bits(format, tile, at)];
    case DeviceFormat::kFP4:
      return kFp4Values[code_of_4_bits(format, tile, at)];
    case DeviceFormat::kInt4Min:
      return static_cast<float>(code_of_4_bits(format, tile, at));
    case DeviceFormat::kInt4G64:
    case DeviceFormat::kInt4G32:
      return static_cast<float>(code_of_4_bits(format, tile, at)) - 8.0f;
    case DeviceFormat::kFP8:
      return e4m3(code_of_8_bits(tile, at));
    default:
      return static_cast<float>(static_cast<std::int8_t>(code_of_8_bits(tile, at)));
  }
}

}  // namespace

std::optional<DeviceFormat> device_format(Format format) {
  switch (format) {
    case Format::kBF16:
      return DeviceFormat::kBF16;
    case Format::kInt8G64:
      return DeviceFormat::kInt8G64;
    case Format::kInt8G32:
    case Format::kQ8_0:
      return DeviceFormat::kInt8G32;
    case Format::kInt8F32:
      return DeviceFormat::kInt8F32;
    case Format::kQ6_K:
      return DeviceFormat::kInt8G16;
    case Format::kInt4G64:
      return DeviceFormat::kInt4G64;
    case Format::kInt4G32:
    case Format::kQ4_0:
      return DeviceFormat::kInt4G32;
    case Format::kQ4_K:
      return DeviceFormat::kInt4Min;
    case Format::kNF4:
      return DeviceFormat::kNF4;
    case Format::kFP4:
      return DeviceFormat::kFP4;
    case Format::kFP8:
      return DeviceFormat::kFP8;
    default:
      return std::nullopt;
  }
}

bool has_tiles(Format format) {
  return device_format(format).has_value() && info(format).block_elements > 1;
}

float decode_device_element(const DeviceLayout& layout, const std::byte* bytes, std::int64_t row,
                            std::int64_t column) {
  if (layout.format == DeviceFormat::kBF16) {
    return tensor::to_float(load<tensor::BFloat16>(bytes + 2 * (row * layout.columns + column)));
  }
  const DeviceTile tile = layout.tile();
  const std::byte* begin = bytes + row / kDeviceTileRows * layout.row_tile_bytes() +
                           column / tile.columns * tile.bytes();
  const std::int64_t r = row % kDeviceTileRows;
  const std::int64_t c = column % tile.columns;
  const float value = level(layout.format, begin, place_in_tile(r, c));
  if (tile.group == 0) {
    return value;
  }
  const std::byte* scale =
      begin + tile.code_bytes() +
      ((r % 8 * tile.groups() + c / tile.group) * 2 + r / 8) * tile.scale_bytes;
  if (layout.format == DeviceFormat::kInt4Min) {
    return tensor::to_float(load<tensor::Float16>(scale)) * value -
           tensor::to_float(load<tensor::Float16>(scale + 2));
  }
  return value * (tile.scale_bytes == 4 ? load<float>(scale)
                                        : tensor::to_float(load<tensor::Float16>(scale)));
}

}  // namespace minimax::quant
