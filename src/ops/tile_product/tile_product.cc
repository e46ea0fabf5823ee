// SPDX-License-Identifier: Apache-2.0
#include "ops/tile_product/tile_product.h"

#include "base/check.h"
#include "ops/tile_product/tile_product_kernels.h"

namespace minimax::ops::cuda {
namespace {

using Launch = void (*)(const TileProduct&, minimax::cuda::Stream);

// Of bf16 numbers; null: none.
Launch launch_for(DeviceFormat format) {
  switch (format) {
    case DeviceFormat::kBF16:
      return &tile_product_bf16;
    case DeviceFormat::kInt4G64:
      return &tile_product_int4_g64;
    case DeviceFormat::kInt4G32:
      return &tile_product_int4_g32;
    case DeviceFormat::kInt8G32:
      return &tile_product_int8_g32;
    default:
      return nullptr;
  }
}

}  // namespace

bool tile_product_takes(const DeviceLayout& layout) {
  return launch_for(layout.format) != nullptr && layout.columns % 8 == 0 && layout.rows % 8 == 0;
}

bool tile_product_takes_e4m3(const DeviceLayout& layout) {
  return layout.format == DeviceFormat::kFP8 && layout.columns % 128 == 0 && layout.rows % 8 == 0;
}

void tile_product(const TileProduct& args, minimax::cuda::Stream stream) {
  const bool is_e4m3 = args.x_scales != nullptr;
  base::check(args.groups <= kTileProductGroups && (is_e4m3 ? tile_product_takes_e4m3(args.layout)
                                                            : tile_product_takes(args.layout)),
              ErrorCode::kUnsupported, "tile_product: no kernel for such weights");
  if (args.rows > 0) {
    (is_e4m3 ? &tile_product_e4m3 : launch_for(args.layout.format))(args, stream);
  }
}

}  // namespace minimax::ops::cuda
