// SPDX-License-Identifier: Apache-2.0
// Products of many rows with weights in int4_g64.
#include "ops/tile_product/tile_product_kernels.h"
#include "ops/tile_product/tile_product_launch.cuh"

namespace minimax::ops::cuda {

void tile_product_int4_g64(const TileProduct& args, minimax::cuda::Stream stream) {
  hopper::launch_tile_product<hopper::IntegerOperand<DeviceFormat::kInt4G64>>(args, stream);
}

}  // namespace minimax::ops::cuda
