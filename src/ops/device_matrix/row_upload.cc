// SPDX-License-Identifier: Apache-2.0
#include "ops/device_matrix/row_upload.h"

#include <algorithm>

#include "base/check.h"
#include "cuda/memory.h"
#include "ops/device_matrix/repack_cuda.h"
#include "quant/device_tiles.h"

namespace minimax::ops {

using quant::kDeviceTileRows;
using quant::Layout;
using quant::Matrix;

RowUpload::RowUpload(std::int64_t row_bytes)
    : queue_(std::max(kBufferBytes, kDeviceTileRows * row_bytes), kBuffers) {}

std::int64_t RowUpload::rows_at_once(std::int64_t row_bytes) {
  const std::int64_t fitting = kBufferBytes / std::max<std::int64_t>(1, row_bytes);
  return std::max(fitting / kDeviceTileRows, std::int64_t{1}) * kDeviceTileRows;
}

std::byte* RowUpload::room_in(tensor::Buffer& buffer, std::int64_t bytes) const {
  if (buffer.bytes() < bytes) {
    queue_.wait();  // for those who use the smaller one
    buffer = {};
    buffer = minimax::cuda::device_memory().allocate(std::max(bytes, queue_.buffer_bytes()));
  }
  return buffer.data();
}

void RowUpload::send(const Matrix& rows, const Matrix& to, std::int64_t first_row, Place place) {
  base::check(rows.format() == to.format() && rows.layout() == Layout::kRows,
              ErrorCode::kInvalidArgument, "upload: expected rows of the same format");
  if (to.layout() == Layout::kTiles) {
    return send_tiles(rows, to, first_row, place);
  }
  base::check(to.layout() == Layout::kRows && place == Place::kDevice, ErrorCode::kInvalidArgument,
              "upload: expected rows or tiles in the memory of the GPU, or tiles on the host");
  queue_.send(to.bytes_begin() + first_row * to.row_bytes(), rows.bytes());
}

void RowUpload::send_tiles(const Matrix& rows, const Matrix& to, std::int64_t first_row,
                           Place place) {
  base::check(first_row % kDeviceTileRows == 0, ErrorCode::kInvalidArgument,
              "upload: expected a whole number of tiles before the rows");
  const std::int64_t columns = to.shape()[1];
  const quant::DeviceFormat format = *quant::device_format(to.format());
  const quant::DeviceLayout piece{format, rows.shape()[0], columns};
  std::byte* const out = to.bytes_begin() + first_row / kDeviceTileRows * piece.row_tile_bytes();
  std::byte* const blocks = room_in(blocks_, rows.bytes());
  std::byte* const tiles = place == Place::kDevice ? out : room_in(tiles_, piece.bytes());
  queue_.send(blocks, rows.bytes());
  cuda::repack({.blocks = blocks,
                .format = rows.format(),
                .rows = rows.shape()[0],
                .columns = columns,
                .tiles = tiles},
               queue_.stream());
  if (place == Place::kPinnedHost) {
    queue_.bring_back(out, tiles, piece.bytes());
  }
}

}  // namespace minimax::ops
