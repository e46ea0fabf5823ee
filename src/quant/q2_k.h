// SPDX-License-Identifier: Apache-2.0
// GGUF Q2_K: 256 codes of 2 bits in 16 sub-blocks with 4-bit scales and minima.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct Q2_K {
  static constexpr int kElements = 256;
  static constexpr int kSubElements = 16;
  static constexpr int kMinCode = 0;
  static constexpr int kMaxCode = 3;
  static constexpr int kMaxSubScale = 15;
  struct Block {
    std::array<std::uint8_t, 16> sub_scales;  // low nibble: scale, high nibble: minimum
    std::array<std::uint8_t, 64> codes;
    tensor::Float16 scale;
    tensor::Float16 min;
  };
  static constexpr int sub_scale(const Block& block, int j) {
    return get_bits(block.sub_scales, j, 0, 4);
  }
  static constexpr int sub_min(const Block& block, int j) {
    return get_bits(block.sub_scales, j, 4, 4);
  }
  static constexpr void set_sub_scale(Block& block, int j, int value) {
    set_bits(block.sub_scales, j, 0, 4, value);
  }
  static constexpr void set_sub_min(Block& block, int j, int value) {
    set_bits(block.sub_scales, j, 4, 4, value);
  }
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.codes, 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2);
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.codes, 32 * (i / 128) + i % 32, 2 * (i / 32 % 4), 2, code);
  }
  static constexpr float decode(const Block& block, int i) {
    const int j = i / kSubElements;
    const float scale = tensor::to_float(block.scale) * static_cast<float>(sub_scale(block, j));
    const float min = tensor::to_float(block.min) * static_cast<float>(sub_min(block, j));
    return scale * static_cast<float>(code(block, i)) - min;
  }
};

static_assert(sizeof(Q2_K::Block) == 84);
static_assert(Q2_K::decode({{0x23}, {0x02}, {0x3c00}, {0x3c00}}, 0) == 4.0f);

}  // namespace minimax::quant
