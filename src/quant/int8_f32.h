// SPDX-License-Identifier: Apache-2.0
// 64 signed bytes with a binary32 scale: what holds the int8 rows of bitsandbytes, all of whose
// groups share one scale, without loss.
// Layout: docs/formats/bitsandbytes.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace minimax::quant {

struct Int8F32 {
  static constexpr int kElements = 64;
  static constexpr int kMinCode = -127;
  static constexpr int kMaxCode = 127;
  struct Block {
    float scale;
    std::array<std::int8_t, 64> codes;
  };
  static constexpr int code(const Block& block, int i) {
    return block.codes[static_cast<std::size_t>(i)];
  }
  static constexpr void set_code(Block& block, int i, int code) {
    block.codes[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(code);
  }
  static constexpr float decode(const Block& block, int i) {
    return block.scale * static_cast<float>(code(block, i));
  }
};

static_assert(sizeof(Int8F32::Block) == 68);
static_assert(Int8F32::decode({0.5f, {-3}}, 0) == -1.5f);

}  // namespace minimax::quant
