// SPDX-License-Identifier: Apache-2.0
// What computes random_weights.
#pragma once

#include <cstdint>
#include <span>

#include "ops/random_weights/random_weights.h"

namespace minimax::ops {

namespace reference {
/// Row number `row` of args.out, as it lies without panels.
void random_row(const RandomWeightsArgs& args, std::int64_t row, std::span<std::byte> out);
}  // namespace reference

namespace cuda {
/// Requires: rows of blocks, or tiles.
void random_weights(const Context& ctx, const RandomWeightsArgs& args);
}  // namespace cuda

}  // namespace minimax::ops
