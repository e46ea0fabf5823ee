// SPDX-License-Identifier: Apache-2.0
// The 4-bit types of bitsandbytes with their scale beside the codes: what a kernel reads. The files
// keep codes and scales apart (bitsandbytes.h).
// Layout: docs/formats/bitsandbytes.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/bits.h"

namespace minimax::quant {

using Code4BitValues = std::array<float, 16>;

/// Quantiles of a normal distribution, ascending. Source: Dettmers et al. 2023, appendix E.
inline constexpr Code4BitValues kNf4Values = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

/// A sign, two bits of exponent and one of mantissa, over the largest of them, which is 12.
inline constexpr Code4BitValues kFp4Values = {
    0.0f,          0.0625f / 12.0f,  8.0f / 12.0f,  1.0f,
    4.0f / 12.0f,  6.0f / 12.0f,     2.0f / 12.0f,  3.0f / 12.0f,
    0.0f,          -0.0625f / 12.0f, -8.0f / 12.0f, -1.0f,
    -4.0f / 12.0f, -6.0f / 12.0f,    -2.0f / 12.0f, -3.0f / 12.0f,
};

template <const Code4BitValues& kValues>
struct Code4Bit {
  static constexpr int kElements = 64;
  static constexpr int kMinCode = 0;
  static constexpr int kMaxCode = 15;
  static constexpr const Code4BitValues& kFloatLevels = kValues;
  struct Block {
    float absmax;
    std::array<std::uint8_t, 32> nibbles;
  };
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, i / 2, 4 * (1 - i % 2), 4);
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, i / 2, 4 * (1 - i % 2), 4, code);
  }
  static constexpr float decode(const Block& block, int i) {
    constexpr Code4BitValues values = kValues;  // a copy: a GPU does not see the table of the host
    return values[static_cast<std::size_t>(code(block, i))] * block.absmax;
  }
};

using NF4 = Code4Bit<kNf4Values>;
using FP4 = Code4Bit<kFp4Values>;

static_assert(sizeof(NF4::Block) == 36);
static_assert(NF4::decode({2.0f, {0xf0}}, 0) == 2.0f && NF4::decode({2.0f, {0xf0}}, 1) == -2.0f);
static_assert(FP4::decode({2.0f, {0x5b}}, 0) == 1.0f && FP4::decode({2.0f, {0x5b}}, 1) == -2.0f);

}  // namespace minimax::quant
