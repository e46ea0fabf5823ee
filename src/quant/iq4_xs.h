// SPDX-License-Identifier: Apache-2.0
// GGUF IQ4_XS: 256 indices into the levels of IQ4_NL in 8 sub-blocks with 6-bit scales.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/bits.h"
#include "quant/iq4_nl.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct IQ4_XS {
  static constexpr int kElements = 256;
  static constexpr int kSubElements = 32;
  static constexpr int kMinCode = 0;
  static constexpr int kMaxCode = 15;
  static constexpr int kMinSubScale = -32;
  static constexpr int kMaxSubScale = 31;
  static constexpr const std::array<std::int8_t, 16>& kLevels = kNonLinearLevels;
  struct Block {
    tensor::Float16 scale;
    std::array<std::uint8_t, 2> sub_scales_high;  // 2 bits per sub-block
    std::array<std::uint8_t, 4> sub_scales_low;   // 4 bits per sub-block
    std::array<std::uint8_t, 128> nibbles;
  };
  static constexpr int sub_scale(const Block& block, int j) {
    return get_bits(block.sub_scales_low, j / 2, 4 * (j % 2), 4) +
           16 * get_bits(block.sub_scales_high, j / 4, 2 * (j % 4), 2) - 32;
  }
  static constexpr void set_sub_scale(Block& block, int j, int value) {
    set_bits(block.sub_scales_low, j / 2, 4 * (j % 2), 4, value + 32);
    set_bits(block.sub_scales_high, j / 4, 2 * (j % 4), 2, (value + 32) >> 4);
  }
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, 16 * (i / 32) + i % 16, 4 * (i / 16 % 2), 4);
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, 16 * (i / 32) + i % 16, 4 * (i / 16 % 2), 4, code);
  }
  static constexpr float decode(const Block& block, int i) {
    const int j = i / kSubElements;
    const float scale = tensor::to_float(block.scale) * static_cast<float>(sub_scale(block, j));
    constexpr auto levels = kNonLinearLevels;  // a copy: a GPU does not see the table of the host
    return scale * static_cast<float>(levels[static_cast<std::size_t>(code(block, i))]);
  }
};

static_assert(sizeof(IQ4_XS::Block) == 136);
static_assert(IQ4_XS::decode({{0x3c00}, {0x02}, {0x02}, {0x08}}, 0) == 2.0f);

}  // namespace minimax::quant
