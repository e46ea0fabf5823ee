// SPDX-License-Identifier: Apache-2.0
// GGUF Q5_0: blocks of 32 codes of 5 bits, -16 to 15, with a binary16 scale.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct Q5_0 {
  static constexpr int kElements = 32;
  static constexpr int kMinCode = -16;
  static constexpr int kMaxCode = 15;
  struct Block {
    tensor::Float16 scale;
    std::array<std::uint8_t, 4> high_bits;
    std::array<std::uint8_t, 16> nibbles;
  };
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, i % 16, 4 * (i / 16), 4) +
           16 * get_bits(block.high_bits, i / 8, i % 8, 1) - 16;
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, i % 16, 4 * (i / 16), 4, code + 16);
    set_bits(block.high_bits, i / 8, i % 8, 1, (code + 16) >> 4);
  }
  static constexpr float decode(const Block& block, int i) {
    return tensor::to_float(block.scale) * static_cast<float>(code(block, i));
  }
};

static_assert(sizeof(Q5_0::Block) == 22);
static_assert(Q5_0::decode({{0x3c00}, {0x01}, {0x2f}}, 0) == 15.0f);

}  // namespace minimax::quant
