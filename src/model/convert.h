// SPDX-License-Identifier: Apache-2.0
// Reading one parameter from a checkpoint into memory in another format.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/checkpoint.h"
#include "io/checkpoint_reader.h"
#include "quant/matrix.h"

namespace minimax::model {

/// The format in which a checkpoint stores a tensor. Throws: Error{kUnsupported} naming the tensor,
/// its type and the `file`, where one is given, if the type is none of quant/format.h.
quant::Format stored_format(const io::TensorEntry& entry, std::string_view file = {});

/// Consecutive elements of a tensor in a checkpoint.
struct StoredPart {
  const io::TensorEntry* entry = nullptr;
  std::int64_t first_element = 0;  // the first of a row
  /// Whether the scales are quantized, too, where the elements become nf4 or fp4.
  bool nests_scales = false;
};

/// Fills `out` with elements of a checkpoint, converted where the formats differ: decoding and
/// widening are exact, to bfloat16 rounds to nearest even, other formats are encoded as
/// quant::encode_row does by default, and int8 with float32 scales as bitsandbytes does.
/// Throws: Error{kIo} where the file cannot be read; Error{kInvalidArgument} where infinities or
/// NaN are to be encoded.
void read_parameter(const io::CheckpointReader& reader, const StoredPart& from,
                    const quant::Matrix& out);

}  // namespace minimax::model
