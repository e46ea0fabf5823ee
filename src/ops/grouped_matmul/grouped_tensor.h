// SPDX-License-Identifier: Apache-2.0
// The grouped products by the tensor cores (ops/tile_product): Hopper's own instructions there,
// those of compute capability 8.0 elsewhere.
#pragma once

#include "ops/grouped_matmul/grouped_matmul.h"

namespace minimax::ops::cuda {

/// On the arguments of the operations, checked. Return false, and do nothing, for weights and
/// activations that there is no kernel for: weights are equally spaced, with widths that are
/// multiples of 8, and activations bf16 or to be rounded to it.
/// Scratch: the rows as bf16, and weights of an expert as bf16 where their format has no kernel.
bool grouped_gated_matmul_tensor(const Context& ctx, const GroupedGatedMatmulArgs& args);
bool grouped_matmul_tensor(const Context& ctx, const GroupedMatmulArgs& args);

}  // namespace minimax::ops::cuda
