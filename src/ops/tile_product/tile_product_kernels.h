// SPDX-License-Identifier: Apache-2.0
// The launches of tile_product, a file for each kind of weights.
#pragma once

#include "ops/tile_product/tile_product.h"

namespace minimax::ops::cuda {

void tile_product_bf16(const TileProduct& args, minimax::cuda::Stream stream);
/// What the former chooses for many rows; gate and up are less than 2^40 bytes apart.
void tile_product_bf16_wide(const TileProduct& args, minimax::cuda::Stream stream);
void tile_product_int4_g64(const TileProduct& args, minimax::cuda::Stream stream);
void tile_product_int4_g32(const TileProduct& args, minimax::cuda::Stream stream);
void tile_product_int8_g32(const TileProduct& args, minimax::cuda::Stream stream);
void tile_product_e4m3(const TileProduct& args, minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
