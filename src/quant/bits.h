// SPDX-License-Identifier: Apache-2.0
// Bit fields inside the byte arrays of a block. A field never crosses a byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace minimax::quant {

/// `count` bits of bytes[byte], from bit `shift` up.
template <std::size_t N>
constexpr int get_bits(const std::array<std::uint8_t, N>& bytes, int byte, int shift, int count) {
  return (bytes[static_cast<std::size_t>(byte)] >> shift) & ((1 << count) - 1);
}

/// Replaces those bits by the low bits of `value`.
template <std::size_t N>
constexpr void set_bits(std::array<std::uint8_t, N>& bytes, int byte, int shift, int count,
                        int value) {
  const int mask = ((1 << count) - 1) << shift;
  std::uint8_t& target = bytes[static_cast<std::size_t>(byte)];
  target = static_cast<std::uint8_t>((target & ~mask) | ((value << shift) & mask));
}

}  // namespace minimax::quant
