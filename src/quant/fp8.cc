// SPDX-License-Identifier: Apache-2.0
#include "quant/fp8.h"

#include <algorithm>
#include <cmath>

namespace minimax::quant {

std::uint8_t to_e4m3(float value) {
  constexpr float kSmallestNormal = 0x1p-6f;
  const float magnitude = std::min(std::abs(value), kLargestE4M3);
  const auto sign = static_cast<std::uint32_t>(std::signbit(value) ? 0x80 : 0);
  if (magnitude < kSmallestNormal) {
    return static_cast<std::uint8_t>(
        sign | static_cast<std::uint32_t>(std::nearbyint(magnitude * 0x1p9f)));
  }
  const auto bits = std::bit_cast<std::uint32_t>(magnitude);
  const std::uint32_t rounded = bits + 0x7ffffu + (bits >> 20 & 1u);
  constexpr std::uint32_t kBias = (127u - 7u) << 3;
  return static_cast<std::uint8_t>(sign | ((rounded >> 20) - kBias));
}

void encode_fp8_block(std::span<const float> values, FP8::Block& block) {
  float largest = 0.0f;
  for (const float value : values) {
    largest = std::max(largest, std::abs(value));
  }
  block.scale = largest / kLargestE4M3;
  if (std::isinf(block.scale * kLargestE4M3)) {
    block.scale = std::nextafter(block.scale, 0.0f);
  }
  std::ranges::transform(values, block.codes.begin(), [&](float value) {
    return block.scale > 0.0f ? to_e4m3(value / block.scale) : std::uint8_t{0};
  });
}

}  // namespace minimax::quant
