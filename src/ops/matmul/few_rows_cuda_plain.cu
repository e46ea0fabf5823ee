// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul/few_rows_cuda.cuh"

namespace minimax::ops::cuda {

template void launch_few_rows<DeviceFormat::kBF16>(const FewRowsProduct&, minimax::cuda::Stream);

}  // namespace minimax::ops::cuda
