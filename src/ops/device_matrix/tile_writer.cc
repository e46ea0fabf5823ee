// SPDX-License-Identifier: Apache-2.0
#include "ops/device_matrix/tile_writer.h"

#include "base/check.h"
#include "cuda/memory.h"
#include "ops/device_matrix/repack_cuda.h"

namespace minimax::ops {

void TileWriter::write(const quant::Matrix& rows, const quant::Matrix& tiles,
                       std::int64_t first_row) {
  base::check(rows.format() == tiles.format() && rows.layout() == quant::Layout::kRows &&
                  tiles.layout() == quant::Layout::kTiles && first_row % kDeviceTileRows == 0,
              ErrorCode::kInvalidArgument, "tiles: expected rows of the same format");
  const tensor::Memory& memory = minimax::cuda::device_memory();
  if (blocks_.bytes() < rows.bytes()) {
    blocks_ = {};
    blocks_ = memory.allocate(rows.bytes());
  }
  memory.copy(blocks_.data(), rows.bytes_begin(), rows.bytes());
  const std::int64_t columns = tiles.shape()[1];
  const DeviceLayout layout{*device_format(tiles.format()), tiles.shape()[0], columns};
  const std::int64_t offset = first_row / kDeviceTileRows * layout.row_tile_bytes();
  cuda::repack_and_wait({.blocks = blocks_.data(),
                         .format = rows.format(),
                         .rows = rows.shape()[0],
                         .columns = columns,
                         .tiles = tiles.bytes_begin() + offset});
}

}  // namespace minimax::ops
