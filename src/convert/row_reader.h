// SPDX-License-Identifier: Apache-2.0
// The rows of a tensor of any type or format as float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/checkpoint.h"
#include "io/checkpoint_reader.h"
#include "model/convert.h"
#include "quant/format.h"

namespace minimax::convert {

/// The elements of the innermost axis, and how many such rows there are; 1 for rank 0.
std::int64_t columns_of(const io::TensorEntry& entry);
std::int64_t rows_of(const io::TensorEntry& entry);

using model::stored_format;

class RowReader {
 public:
  /// Requires: both outlive this object.
  /// Throws: as stored_format().
  RowReader(const io::CheckpointReader& reader, const io::TensorEntry& entry);

  /// Rows [first, first + out.size() / columns) into `out`.
  /// Throws: Error{kIo}.
  void read(std::int64_t first, std::span<float> out);

 private:
  const io::CheckpointReader& reader_;
  const io::TensorEntry& entry_;
  std::int64_t row_bytes_;
  std::vector<std::byte> bytes_;
};

}  // namespace minimax::convert
