// SPDX-License-Identifier: Apache-2.0
// Counts the values in a tensor that a healthy checkpoint does not have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/checkpoint.h"
#include "io/checkpoint_reader.h"
#include "tensor/dtype.h"

namespace minimax::io {

struct ValueCounts {
  std::int64_t elements = 0;
  std::int64_t nan = 0;
  std::int64_t infinite = 0;
  std::int64_t subnormal = 0;
  std::int64_t zero = 0;  // of either sign

  bool operator==(const ValueCounts&) const = default;
};

/// Counts over little-endian elements. Integer and boolean types only have zeros to count.
/// Requires: bytes.size() is a multiple of the element size (Error{kInvalidArgument} otherwise).
ValueCounts count_values(tensor::DType dtype, std::span<const std::byte> bytes);

/// Counts over the values that whole blocks decode to.
ValueCounts count_blocks(quant::Format format, std::span<const std::byte> bytes);

/// Counts over one tensor of a checkpoint, whatever its blocks, read in pieces of a few megabytes.
/// Throws: as CheckpointReader::read.
ValueCounts count_values(const CheckpointReader& reader, const TensorEntry& entry);

}  // namespace minimax::io
