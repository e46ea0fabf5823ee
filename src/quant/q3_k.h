// SPDX-License-Identifier: Apache-2.0
// GGUF Q3_K: 256 codes of 3 bits, -4 to 3, in 16 sub-blocks with 6-bit scales.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct Q3_K {
  static constexpr int kElements = 256;
  static constexpr int kSubElements = 16;
  static constexpr int kMinCode = -4;
  static constexpr int kMaxCode = 3;
  static constexpr int kMinSubScale = -32;
  static constexpr int kMaxSubScale = 31;
  struct Block {
    std::array<std::uint8_t, 32> high_bits;
    std::array<std::uint8_t, 64> codes;
    std::array<std::uint8_t, 12> sub_scales;  // 16 times 4 low bits, then 16 times 2 high bits
    tensor::Float16 scale;
  };
  static constexpr int sub_scale(const Block& block, int j) {
    return get_bits(block.sub_scales, j % 8, 4 * (j / 8), 4) +
           16 * get_bits(block.sub_scales, 8 + j % 4, 2 * (j / 4), 2) - 32;
  }
  static constexpr void set_sub_scale(Block& block, int j, int value) {
    set_bits(block.sub_scales, j % 8, 4 * (j / 8), 4, value + 32);
    set_bits(block.sub_scales, 8 + j % 4, 2 * (j / 4), 2, (value + 32) >> 4);
  }
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.codes, 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2) +
           4 * get_bits(block.high_bits, i % 32, i / 32, 1) - 4;
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.codes, 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2, code + 4);
    set_bits(block.high_bits, i % 32, i / 32, 1, (code + 4) >> 2);
  }
  static constexpr float decode(const Block& block, int i) {
    const int j = i / kSubElements;
    const float scale = tensor::to_float(block.scale) * static_cast<float>(sub_scale(block, j));
    return scale * static_cast<float>(code(block, i));
  }
};

static_assert(sizeof(Q3_K::Block) == 110);
static_assert(Q3_K::decode({{0x01}, {0x03}, {0x01, 0, 0, 0, 0, 0, 0, 0, 0x02}, {0x3c00}}, 0) ==
              3.0f);

}  // namespace minimax::quant
