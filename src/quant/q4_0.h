// SPDX-License-Identifier: Apache-2.0
// GGUF Q4_0: blocks of 32 codes of 4 bits, -8 to 7, with a binary16 scale.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct Q4_0 {
  static constexpr int kElements = 32;
  static constexpr int kMinCode = -8;
  static constexpr int kMaxCode = 7;
  struct Block {
    tensor::Float16 scale;
    std::array<std::uint8_t, 16> nibbles;
  };
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, i % 16, 4 * (i / 16), 4) - 8;
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, i % 16, 4 * (i / 16), 4, code + 8);
  }
  static constexpr float decode(const Block& block, int i) {
    return tensor::to_float(block.scale) * static_cast<float>(code(block, i));
  }
};

static_assert(sizeof(Q4_0::Block) == 18);
static_assert(Q4_0::decode({{0x3c00}, {0x2f}}, 0) == 7.0f);
static_assert(Q4_0::decode({{0x3c00}, {0x2f}}, 16) == -6.0f);

}  // namespace minimax::quant
