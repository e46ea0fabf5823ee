// SPDX-License-Identifier: Apache-2.0
// Our own formats: groups of N signed codes with a binary16 scale.
// Layout: docs/formats/int_groups.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/bits.h"
#include "tensor/float16.h"

namespace minimax::quant {

/// N signed bytes, -127 to 127.
template <std::size_t N>
struct Int8Group {
  static constexpr int kElements = static_cast<int>(N);
  static constexpr int kMinCode = -127;
  static constexpr int kMaxCode = 127;
  struct Block {
    tensor::Float16 scale;
    std::array<std::int8_t, N> codes;
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

/// N codes of 4 bits, -8 to 7; the low nibbles hold the first half of the group, so that a vector
/// of bytes unpacks into two vectors of consecutive elements. The scale may be negative.
template <std::size_t N>
struct Int4Group {
  static constexpr int kElements = static_cast<int>(N);
  static constexpr int kHalf = kElements / 2;
  static constexpr int kMinCode = -8;
  static constexpr int kMaxCode = 7;
  struct Block {
    tensor::Float16 scale;
    std::array<std::uint8_t, N / 2> nibbles;
  };
  static constexpr int code(const Block& block, int i) {
    return get_bits(block.nibbles, i % kHalf, 4 * (i / kHalf), 4) - 8;
  }
  static constexpr void set_code(Block& block, int i, int code) {
    set_bits(block.nibbles, i % kHalf, 4 * (i / kHalf), 4, code + 8);
  }
  static constexpr float decode(const Block& block, int i) {
    return tensor::to_float(block.scale) * static_cast<float>(code(block, i));
  }
};

static_assert(sizeof(Int8Group<32>::Block) == 34 && sizeof(Int8Group<64>::Block) == 66);
static_assert(sizeof(Int4Group<32>::Block) == 18 && sizeof(Int4Group<64>::Block) == 34);
static_assert(Int4Group<64>::decode({{0x3c00}, {0x2f}}, 32) == -6.0f);

}  // namespace minimax::quant
