// SPDX-License-Identifier: Apache-2.0
#include "convert/row_reader.h"

#include "quant/decode.h"

namespace minimax::convert {

std::int64_t columns_of(const io::TensorEntry& entry) {
  return entry.shape.rank() == 0 ? 1 : entry.shape[-1];
}

std::int64_t rows_of(const io::TensorEntry& entry) {
  const std::int64_t columns = columns_of(entry);
  return columns == 0 ? 0 : entry.shape.elements() / columns;
}

RowReader::RowReader(const io::CheckpointReader& reader, const io::TensorEntry& entry)
    : reader_(reader),
      entry_(entry),
      row_bytes_(quant::row_bytes(stored_format(entry), columns_of(entry))) {}

void RowReader::read(std::int64_t first, std::span<float> out) {
  const std::int64_t columns = columns_of(entry_);
  const std::int64_t rows = columns == 0 ? 0 : std::ssize(out) / columns;
  bytes_.resize(static_cast<std::size_t>(rows * row_bytes_));
  reader_.read(entry_, first * row_bytes_, bytes_);
  quant::decode_row(stored_format(entry_), bytes_, out);
}

}  // namespace minimax::convert
