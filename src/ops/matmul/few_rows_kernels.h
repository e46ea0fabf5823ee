// SPDX-License-Identifier: Apache-2.0
// The launches of few_rows_product, one format each.
#pragma once

#include "ops/matmul/few_rows_cuda.h"

namespace minimax::ops::cuda {

inline constexpr std::int64_t kFewestRows = 8;
inline constexpr std::int64_t kSeveralRowsColumns = 1024;

/// Up to kFewestRows rows.
template <DeviceFormat format>
void launch_few_rows(const FewRowsProduct& args, minimax::cuda::Stream stream);

/// Up to kFewRows rows. sm_90a. Requires: at most kSeveralRowsColumns columns of the matrix for
/// every multiprocessor.
template <DeviceFormat format>
void launch_several_rows(const FewRowsProduct& args, minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
