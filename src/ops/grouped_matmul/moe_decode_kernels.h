// SPDX-License-Identifier: Apache-2.0
// The launches of moe_decode, one format each.
#pragma once

#include <cstdint>

#include "ops/grouped_matmul/moe_decode_cuda.h"

namespace minimax::ops::cuda {

/// Which half of the layer a launch computes: both where all matrices have one format.
enum class MoePhases : std::uint8_t { kBoth, kGateUp, kDown };

/// Sums that a block keeps from part to part of K.
inline constexpr std::int64_t kMoeDecodePartialBytes = 32 * 256 * 4;

template <DeviceFormat format>
void launch_moe_decode(const MoeDecode& args, MoePhases phases, minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
