// SPDX-License-Identifier: Apache-2.0
// Products of many rows with e4m3 numbers.
#include "ops/tile_product/tile_product_kernels.h"
#include "ops/tile_product/tile_product_launch.cuh"

namespace minimax::ops::cuda {

void tile_product_e4m3(const TileProduct& args, minimax::cuda::Stream stream) {
  hopper::launch_tile_product<hopper::E4M3Operand>(args, stream);
}

}  // namespace minimax::ops::cuda
