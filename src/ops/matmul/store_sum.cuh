// SPDX-License-Identifier: Apache-2.0
// Where the sums of a product of few rows go.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

#include "ops/matmul/few_rows_cuda.h"

namespace minimax::ops::cuda {

/// Stores element (row, column) of all outs side by side.
__device__ inline void store_sum(const FewRowsProduct& args, std::int64_t row, std::int64_t column,
                                 float sum) {
  const std::int64_t first = args.outs[0].columns;
  const std::int64_t second = first + args.outs[1].columns;
  const int which = column < first ? 0 : column < second ? 1 : 2;
  column -= which == 0 ? 0 : which == 1 ? first : second;
  const FewRowsOut& out = args.outs[which];
  const std::int64_t at = row * out.columns + column;
  if (args.out_is_float) {
    static_cast<float*>(out.data)[at] = sum;
  } else {
    static_cast<__nv_bfloat16*>(out.data)[at] = __float2bfloat16_rn(sum);
  }
}

}  // namespace minimax::ops::cuda
