// SPDX-License-Identifier: Apache-2.0
// GGUF Q4_1: blocks of 32 codes of 4 bits, 0 to 15, with a binary16 scale and minimum.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct Q4_1 {
  static constexpr int kElements = 32;
  static constexpr int kMinCode = 0;
  static constexpr int kMaxCode = 15;
  struct Block {
    tensor::Float16 scale;
    tensor::Float16 min;
    std::array<std::uint8_t, 16> nibbles;
  };
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, i % 16, 4 * (i / 16), 4);
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, i % 16, 4 * (i / 16), 4, code);
  }
  static constexpr float decode(const Block& block, int i) {
    return tensor::to_float(block.scale) * static_cast<float>(code(block, i)) +
           tensor::to_float(block.min);
  }
};

static_assert(sizeof(Q4_1::Block) == 20);
static_assert(Q4_1::decode({{0x3c00}, {0xc000}, {0x2f}}, 16) == 0.0f);

}  // namespace minimax::quant
