// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_matmul/moe_decode_cuda.cuh"

namespace minimax::ops::cuda {

template void launch_moe_decode<DeviceFormat::kBF16>(const MoeDecode&, MoePhases,
                                                     minimax::cuda::Stream);

}  // namespace minimax::ops::cuda
