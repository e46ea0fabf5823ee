// SPDX-License-Identifier: Apache-2.0
// Products of many rows with weights in bf16.
#include "ops/tile_product/tile_product_kernels.h"
#include "ops/tile_product/tile_product_launch.cuh"

namespace minimax::ops::cuda {

void tile_product_bf16(const TileProduct& args, minimax::cuda::Stream stream) {
  hopper::launch_tile_product<hopper::RowsOperand>(args, stream);
}

}  // namespace minimax::ops::cuda
