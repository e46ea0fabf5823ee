// SPDX-License-Identifier: Apache-2.0
// Brings rows of weights from the host to where a GPU multiplies by them, and makes tiles of them
// there. Several threads with one of these each keep the link busy.
#pragma once

#include <cstdint>

#include "cuda/upload_queue.h"
#include "quant/matrix.h"
#include "tensor/buffer.h"

namespace minimax::ops {

/// What several RowUploads need, in one piece each: pinned memory, and room on the GPU. Small
/// buffers stay in the cache of the processor until the GPU has read them.
class UploadMemory {
 public:
  static constexpr std::int64_t kBufferBytes = std::int64_t{4} << 20;
  static constexpr int kBuffers = 2;  // of each

  /// `row_bytes`: of the largest row, in blocks. Throws: Error{kDevice}, Error{kOutOfMemory}.
  UploadMemory(std::int64_t row_bytes, std::int64_t uploads);

  std::int64_t buffer_bytes() const { return buffer_bytes_; }
  std::byte* pinned(std::int64_t index) const;
  std::byte* blocks(std::int64_t index) const;

 private:
  std::int64_t buffer_bytes_;
  tensor::Buffer pinned_;
  tensor::Buffer blocks_;
};

/// One thread uses it at a time.
class RowUpload {
 public:
  /// Where the rows shall lie in the end: in the memory of the GPU, or in pinned memory of the host
  /// that the GPU reads through the link.
  enum class Place { kDevice, kPinnedHost };

  /// Number `index` of those that share `memory`, which must outlive it. Throws: Error{kDevice}.
  RowUpload(const UploadMemory& memory, std::int64_t index);

  /// The most rows of that many bytes that are sent at once: a multiple of 16.
  static std::int64_t rows_at_once(std::int64_t row_bytes);

  /// Memory for `rows` rows, at most rows_at_once(row_bytes), until send(). Waits where the GPU has
  /// not taken yet what was there.
  std::byte* next() { return queue_.next(); }

  /// Starts to send the rows that next() was filled with into rows of `to` from `first_row` on, a
  /// multiple of 16. Tiles follow from blocks on the GPU.
  /// Requires: `rows` at next(), of the format and width of `to`, in Layout::kRows; rows or tiles
  /// as the layout of `to`; a number of rows that is a multiple of 16 or ends with the matrix,
  /// where `to` has tiles.
  void send(const quant::Matrix& rows, const quant::Matrix& to, std::int64_t first_row,
            Place place = Place::kDevice);

  /// Until everything is where it belongs. Throws: Error{kDevice} where any of it failed.
  void wait() const { queue_.wait(); }

 private:
  void send_tiles(const quant::Matrix& rows, const quant::Matrix& to, std::int64_t first_row,
                  Place place);
  std::byte* room_for_tiles(std::int64_t bytes);

  std::byte* blocks_;                 // on the GPU, of tiles to be made
  tensor::Buffer tiles_;              // on the GPU, on their way back to the host
  minimax::cuda::UploadQueue queue_;  // last: it waits before the buffers end
};

}  // namespace minimax::ops
