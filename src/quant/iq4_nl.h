// SPDX-License-Identifier: Apache-2.0
// GGUF IQ4_NL: blocks of 32 indices of 4 bits into 16 unequal levels, with a binary16 scale.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

/// The levels of IQ4_NL and IQ4_XS, denser near zero.
inline constexpr std::array<std::int8_t, 16> kNonLinearLevels = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

struct IQ4_NL {
  static constexpr int kElements = 32;
  static constexpr int kMinCode = 0;
  static constexpr int kMaxCode = 15;
  static constexpr const std::array<std::int8_t, 16>& kLevels = kNonLinearLevels;
  struct Block {
    tensor::Float16 scale;
    std::array<std::uint8_t, 16> nibbles;
  };
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, i % 16, 4 * (i / 16), 4);
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, i % 16, 4 * (i / 16), 4, code);
  }
  static constexpr float decode(const Block& block, int i) {
    constexpr auto levels = kNonLinearLevels;  // a copy: a GPU does not see the table of the host
    return tensor::to_float(block.scale) *
           static_cast<float>(levels[static_cast<std::size_t>(code(block, i))]);
  }
};

static_assert(sizeof(IQ4_NL::Block) == 18);
static_assert(IQ4_NL::decode({{0x3c00}, {0x2f}}, 16) == -83.0f);

}  // namespace minimax::quant
