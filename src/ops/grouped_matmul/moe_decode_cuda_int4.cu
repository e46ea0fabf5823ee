// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_matmul/moe_decode_cuda.cuh"

namespace minimax::ops::cuda {

template void launch_moe_decode<DeviceFormat::kInt4G64>(const MoeDecode&, MoePhases,
                                                        minimax::cuda::Stream);
template void launch_moe_decode<DeviceFormat::kInt4G32>(const MoeDecode&, MoePhases,
                                                        minimax::cuda::Stream);
template void launch_moe_decode<DeviceFormat::kInt4Min>(const MoeDecode&, MoePhases,
                                                        minimax::cuda::Stream);

}  // namespace minimax::ops::cuda
