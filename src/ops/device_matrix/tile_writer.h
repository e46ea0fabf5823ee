// SPDX-License-Identifier: Apache-2.0
// Brings rows of blocks from the host to a matrix of tiles in the memory of the GPU.
#pragma once

#include <cstdint>

#include "quant/matrix.h"
#include "tensor/buffer.h"

namespace minimax::ops {

/// Keeps a piece of GPU memory for the blocks on their way. One thread uses it at a time.
class TileWriter {
 public:
  /// Repacks all rows of `rows`, which lie in host memory, into rows of `tiles` from `first_row`
  /// on, a multiple of 16; done when it returns. Requires: the same format and width; rows in
  /// Layout::kRows, tiles in Layout::kTiles; a number of rows that is a multiple of 16, or ends
  /// with the matrix. Throws: Error{kDevice}, Error{kOutOfMemory}.
  void write(const quant::Matrix& rows, const quant::Matrix& tiles, std::int64_t first_row);

 private:
  tensor::Buffer blocks_;
};

}  // namespace minimax::ops
