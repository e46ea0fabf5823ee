// SPDX-License-Identifier: Apache-2.0
// GGUF Q5_K: 256 codes of 5 bits in 8 sub-blocks with 6-bit scales and minima.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstdint>

#include "quant/bits.h"
#include "quant/k_sub_scales.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct Q5_K {
  static constexpr int kElements = 256;
  static constexpr int kSubElements = 32;
  static constexpr int kMinCode = 0;
  static constexpr int kMaxCode = 31;
  static constexpr int kMaxSubScale = 63;
  struct Block {
    tensor::Float16 scale;
    tensor::Float16 min;
    KSubScales sub_scales;
    std::array<std::uint8_t, 32> high_bits;
    std::array<std::uint8_t, 128> nibbles;
  };
  static constexpr int sub_scale(const Block& block, int j) {
    return k_sub_scale(block.sub_scales, j);
  }
  static constexpr int sub_min(const Block& block, int j) { return k_sub_min(block.sub_scales, j); }
  static constexpr void set_sub_scale(Block& block, int j, int value) {
    set_k_sub_scale(block.sub_scales, j, value);
  }
  static constexpr void set_sub_min(Block& block, int j, int value) {
    set_k_sub_min(block.sub_scales, j, value);
  }
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, 32 * (i / 64) + i % 32, 4 * (i / 32 % 2), 4) +
           16 * get_bits(block.high_bits, i % 32, i / 32, 1);
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, 32 * (i / 64) + i % 32, 4 * (i / 32 % 2), 4, code);
    set_bits(block.high_bits, i % 32, i / 32, 1, code >> 4);
  }
  static constexpr float decode(const Block& block, int i) {
    const int j = i / kSubElements;
    const float scale = tensor::to_float(block.scale) * static_cast<float>(sub_scale(block, j));
    const float min = tensor::to_float(block.min) * static_cast<float>(sub_min(block, j));
    return scale * static_cast<float>(code(block, i)) - min;
  }
};

static_assert(sizeof(Q5_K::Block) == 176);
static_assert(Q5_K::decode({{0x3c00}, {0x3c00}, {2, 0, 0, 0, 3}, {1}, {0x05}}, 0) == 39.0f);

}  // namespace minimax::quant
