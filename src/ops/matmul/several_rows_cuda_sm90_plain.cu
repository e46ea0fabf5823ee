// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul/several_rows_cuda.cuh"

namespace minimax::ops::cuda {

template void launch_several_rows<DeviceFormat::kBF16>(const FewRowsProduct&,
                                                       minimax::cuda::Stream);

}  // namespace minimax::ops::cuda
