// SPDX-License-Identifier: Apache-2.0
#include "convert/row_reader.h"

#include "quant/matrix.h"

namespace minimax::convert {

std::int64_t columns_of(const io::TensorEntry& entry) {
  return entry.shape.rank() == 0 ? 1 : entry.shape[-1];
}

std::int64_t rows_of(const io::TensorEntry& entry) {
  const std::int64_t columns = columns_of(entry);
  return columns == 0 ? 0 : entry.shape.elements() / columns;
}

void read_rows(const io::CheckpointReader& reader, const io::TensorEntry& entry, std::int64_t first,
               std::span<float> out) {
  const std::int64_t columns = columns_of(entry);
  if (out.empty()) {
    return;
  }
  const quant::Matrix rows(reinterpret_cast<std::byte*>(out.data()), quant::Format::kF32,
                           tensor::Shape({std::ssize(out) / columns, columns}));
  model::read_parameter(reader, {.entry = &entry, .first_element = first * columns}, rows);
}

}  // namespace minimax::convert
