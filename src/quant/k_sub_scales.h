// SPDX-License-Identifier: Apache-2.0
// How Q4_K and Q5_K pack the scales and minima of their eight sub-blocks, 6 bits each, into 12
// bytes: bytes 0 to 3 hold scales 0 to 3 and bytes 4 to 7 minima 0 to 3 in their low 6 bits. Of
// sub-blocks 4 to 7, the nibbles of bytes 8 to 11 are the low bits of the scale and of the minimum;
// the upper 2 bits of bytes 0 to 3 and 4 to 7 are the high bits.
#pragma once

#include "quant/bits.h"

namespace minimax::quant {

using KSubScales = std::array<std::uint8_t, 12>;

constexpr int k_sub_scale(const KSubScales& packed, int j) {
  return j < 4 ? get_bits(packed, j, 0, 6)
               : get_bits(packed, j + 4, 0, 4) + 16 * get_bits(packed, j - 4, 6, 2);
}

constexpr int k_sub_min(const KSubScales& packed, int j) {
  return j < 4 ? get_bits(packed, j + 4, 0, 6)
               : get_bits(packed, j + 4, 4, 4) + 16 * get_bits(packed, j, 6, 2);
}

constexpr void set_k_sub_scale(KSubScales& packed, int j, int value) {
  if (j < 4) {
    set_bits(packed, j, 0, 6, value);
    return;
  }
  set_bits(packed, j + 4, 0, 4, value);
  set_bits(packed, j - 4, 6, 2, value >> 4);
}

constexpr void set_k_sub_min(KSubScales& packed, int j, int value) {
  if (j < 4) {
    set_bits(packed, j + 4, 0, 6, value);
    return;
  }
  set_bits(packed, j + 4, 4, 4, value);
  set_bits(packed, j, 6, 2, value >> 4);
}

}  // namespace minimax::quant
