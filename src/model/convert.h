// SPDX-License-Identifier: Apache-2.0
// Reading one parameter from a checkpoint into memory of another element type.
#pragma once

#include <cstdint>

#include "io/checkpoint.h"
#include "io/checkpoint_reader.h"
#include "tensor/tensor.h"

namespace minimax::model {

/// Fills `out` with the elements of `entry` from `first_element` on, converted where the types
/// differ: widening is exact, to bfloat16 rounds to nearest even.
/// Requires: both types among F32, F16, BF16; out is not F16 unless the entry is.
/// Throws: Error{kIo} where the file cannot be read.
void read_parameter(const io::CheckpointReader& reader, const io::TensorEntry& entry,
                    std::int64_t first_element, const tensor::Tensor& out);

}  // namespace minimax::model
