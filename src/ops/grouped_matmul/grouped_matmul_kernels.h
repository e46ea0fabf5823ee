// SPDX-License-Identifier: Apache-2.0
// What computes the grouped products on the reference device: the composition of the parts'
// references. The kernels of the CPU are those of ops/product.h.
#pragma once

#include "ops/grouped_matmul/grouped_matmul.h"

namespace minimax::ops::reference {

void grouped_gated_matmul(const GroupedGatedMatmulArgs& args);
void grouped_matmul(const GroupedMatmulArgs& args);

}  // namespace minimax::ops::reference

/// On the arguments of the operation, checked.
namespace minimax::ops::cuda {
void grouped_gated_matmul(const Context& ctx, const GroupedGatedMatmulArgs& args);
void grouped_matmul(const Context& ctx, const GroupedMatmulArgs& args);
}  // namespace minimax::ops::cuda
