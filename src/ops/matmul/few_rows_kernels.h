// SPDX-License-Identifier: Apache-2.0
// The launches of few_rows_product, one format each.
#pragma once

#include "ops/matmul/few_rows_cuda.h"

namespace minimax::ops::cuda {

/// Up to 8 rows at a time share a read of the weights.
template <DeviceFormat format>
void launch_few_rows(const FewRowsProduct& args, minimax::cuda::Stream stream);

/// Up to 64 rows of bf16 or 32 of float32 do. sm_90a.
template <DeviceFormat format>
void launch_several_rows(const FewRowsProduct& args, minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
