// SPDX-License-Identifier: Apache-2.0
// GGUF Q8_0: blocks of 32 signed bytes with a binary16 scale.
// Layout: docs/formats/gguf_blocks.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

struct Q8_0 {
  static constexpr int kElements = 32;
  static constexpr int kMinCode = -127;
  static constexpr int kMaxCode = 127;
  struct Block {
    tensor::Float16 scale;
    std::array<std::int8_t, 32> codes;
  };
  static constexpr int code(const Block& block, int i) {
    return block.codes[static_cast<std::size_t>(i)];
  }
  static constexpr void set_code(Block& block, int i, int code) {
    block.codes[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(code);
  }
  static constexpr float decode(const Block& block, int i) {
    return tensor::to_float(block.scale) * static_cast<float>(code(block, i));
  }
};

static_assert(sizeof(Q8_0::Block) == 34);
static_assert(Q8_0::decode({{0x3800}, {-3}}, 0) == -1.5f);

}  // namespace minimax::quant
