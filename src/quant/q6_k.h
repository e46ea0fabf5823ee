// SPDX-License-Identifier: Apache-2.0
// GGUF Q6_K: 256 codes of 6 bits, -32 to 31, in 16 sub-blocks with 8-bit scales.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct Q6_K {
  static constexpr int kElements = 256;
  static constexpr int kSubElements = 16;
  static constexpr int kMinCode = -32;
  static constexpr int kMaxCode = 31;
  static constexpr int kMinSubScale = -128;
  static constexpr int kMaxSubScale = 127;
  struct Block {
    std::array<std::uint8_t, 128> nibbles;
    std::array<std::uint8_t, 64> high_bits;
    std::array<std::int8_t, 16> sub_scales;
    tensor::Float16 scale;
  };
  static constexpr int sub_scale(const Block& block, int j) {
    return block.sub_scales[static_cast<std::size_t>(j)];
  }
  static constexpr void set_sub_scale(Block& block, int j, int value) {
    block.sub_scales[static_cast<std::size_t>(j)] = static_cast<std::int8_t>(value);
  }
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, 64 * (i / 128) + i % 64, 4 * (i / 64 % 2), 4) +
           16 * get_bits(block.high_bits, 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2) - 32;
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, 64 * (i / 128) + i % 64, 4 * (i / 64 % 2), 4, code + 32);
    set_bits(block.high_bits, 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2, (code + 32) >> 4);
  }
  static constexpr float decode(const Block& block, int i) {
    const int j = i / kSubElements;
    const float scale = tensor::to_float(block.scale) * static_cast<float>(sub_scale(block, j));
    return scale * static_cast<float>(code(block, i));
  }
};

static_assert(sizeof(Q6_K::Block) == 210);
static_assert(Q6_K::decode({{0x01}, {0x02}, {-2}, {0x3c00}}, 0) == -2.0f);

}  // namespace minimax::quant
