// SPDX-License-Identifier: Apache-2.0
// The grouped products by the tensor cores of Hopper (ops/tile_product).
#pragma once

#include "ops/grouped_matmul/grouped_matmul.h"

namespace minimax::ops::cuda {

/// On the arguments of the operations, checked. Return false, and do nothing, on other GPUs and for
/// weights and activations that there is no kernel for: weights are tiles or rows of bf16, equally
/// spaced, with widths that are multiples of 8, and activations bf16 or to be rounded to it.
/// Scratch: the rows as bf16, and weights of an expert as bf16 where their format has no kernel.
bool grouped_gated_matmul_hopper(const Context& ctx, const GroupedGatedMatmulArgs& args);
bool grouped_matmul_hopper(const Context& ctx, const GroupedMatmulArgs& args);

}  // namespace minimax::ops::cuda
