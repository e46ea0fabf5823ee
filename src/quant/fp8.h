// SPDX-License-Identifier: Apache-2.0
// 128 numbers of 8 bits (e4m3: sign, 4 bits of exponent, 3 of mantissa, no infinities) with a
// binary32 scale: what holds fp8 checkpoints, whose scales are those of channels or of blocks of
// 128 x 128, without loss.
// Layout: docs/formats/fp8.md.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace minimax::quant {

/// The largest e4m3 number.
inline constexpr float kLargestE4M3 = 448.0f;

/// e4m3 has the fields of binary32, shorter: moved into place they are the number times 2^-120,
/// also where it is subnormal.
constexpr float from_e4m3(std::uint8_t code) {
  const std::uint32_t magnitude = code & 0x7fu;
  const std::uint32_t sign = static_cast<std::uint32_t>(code & 0x80u) << 24;
  if (magnitude == 0x7fu) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  return std::bit_cast<float>(sign | magnitude << 20) * 0x1p120f;
}

/// The nearest e4m3 number, half-way cases to even; what is larger than the largest becomes that.
/// Requires: not NaN.
std::uint8_t to_e4m3(float value);

struct FP8 {
  static constexpr int kElements = 128;
  struct Block {
    float scale;
    std::array<std::uint8_t, 128> codes;
  };
  static constexpr float decode(const Block& block, int i) {
    return block.scale * from_e4m3(block.codes[static_cast<std::size_t>(i)]);
  }
};

/// Encodes a block: its largest magnitude becomes the largest e4m3 number.
void encode_fp8_block(std::span<const float> values, FP8::Block& block);

static_assert(sizeof(FP8::Block) == 132);
static_assert(FP8::decode({0.5f, {0x38}}, 0) == 0.5f && FP8::decode({2.0f, {0x81}}, 0) == -0x1p-8f);
static_assert(from_e4m3(0x7e) == kLargestE4M3);

}  // namespace minimax::quant
