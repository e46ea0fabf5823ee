// SPDX-License-Identifier: Apache-2.0
// What a configuration may ask for at most, whichever file it comes from: far above any real model,
// and low enough that products of two extents fit 64 bits.
#pragma once

#include <cstdint>

namespace minimax::model {

inline constexpr std::int64_t kMaxExtent = 1LL << 30;
inline constexpr std::int64_t kMaxLayers = 10'000;
inline constexpr std::int64_t kMaxHeads = 1 << 16;  // and dimensions of a head, and experts
inline constexpr std::int64_t kMaxBlockSize = 1 << 20;
inline constexpr std::int64_t kMaxPositions = 1LL << 40;

}  // namespace minimax::model
