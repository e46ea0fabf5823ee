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

UploadMemory::UploadMemory(std::int64_t row_bytes, std::int64_t uploads)
    : buffer_bytes_(std::max(kBufferBytes, kDeviceTileRows * row_bytes)),
      pinned_(minimax::cuda::device_memory().allocate_staging(uploads * kBuffers * buffer_bytes_)),
      blocks_(minimax::cuda::device_memory().allocate(uploads * buffer_bytes_)) {}

std::byte* UploadMemory::pinned(std::int64_t index) const {
  return pinned_.data() + index * kBuffers * buffer_bytes_;
}

std::byte* UploadMemory::blocks(std::int64_t index) const {
  return blocks_.data() + index * buffer_bytes_;
}

RowUpload::RowUpload(const UploadMemory& memory, std::int64_t index)
    : blocks_(memory.blocks(index)),
      queue_(memory.pinned(index), memory.buffer_bytes(), UploadMemory::kBuffers) {}

std::int64_t RowUpload::rows_at_once(std::int64_t row_bytes) {
  const std::int64_t fitting = UploadMemory::kBufferBytes / std::max<std::int64_t>(1, row_bytes);
  return std::max(fitting / kDeviceTileRows, std::int64_t{1}) * kDeviceTileRows;
}

std::byte* RowUpload::room_for_tiles(std::int64_t bytes) {
  if (tiles_.bytes() < bytes) {
    queue_.wait();  // for those in the smaller one
    tiles_ = {};
    tiles_ = minimax::cuda::device_memory().allocate(std::max(bytes, queue_.buffer_bytes()));
    queue_.follow_clearing();
  }
  return tiles_.data();
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
  std::byte* const tiles = place == Place::kDevice ? out : room_for_tiles(piece.bytes());
  queue_.send(blocks_, rows.bytes());
  cuda::repack({.blocks = blocks_,
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
