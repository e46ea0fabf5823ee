// SPDX-License-Identifier: Apache-2.0
// Random weights in any format, made where they lie: for models that are measured without a
// checkpoint.
#pragma once

#include <cstdint>

#include "ops/context.h"
#include "quant/matrix.h"

namespace minimax::ops {

struct RandomWeightsArgs {
  std::uint64_t seed = 0;
  double deviation = 0.02;  // of the elements, about
  quant::Matrix out;        // [rows, columns], in any layout that the device has
};

/// Fills a matrix with blocks of quant/random_block.h. Every byte follows from the seed, the format
/// and the place alone: all devices make the same rows.
void random_weights(const Context& ctx, const RandomWeightsArgs& args);

}  // namespace minimax::ops
