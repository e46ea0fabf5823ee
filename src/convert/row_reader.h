// SPDX-License-Identifier: Apache-2.0
// The rows of a tensor of any type or format as float32.
#pragma once

#include <cstdint>
#include <span>

#include "io/checkpoint.h"
#include "io/checkpoint_reader.h"
#include "model/convert.h"
#include "quant/format.h"

namespace minimax::convert {

/// The elements of the innermost axis, and how many such rows there are; 1 for rank 0.
std::int64_t columns_of(const io::TensorEntry& entry);
std::int64_t rows_of(const io::TensorEntry& entry);

using model::stored_format;

/// Rows [first, first + out.size() / columns) of a tensor into `out`.
/// Throws: as stored_format(); Error{kIo}.
void read_rows(const io::CheckpointReader& reader, const io::TensorEntry& entry, std::int64_t first,
               std::span<float> out);

}  // namespace minimax::convert
