// SPDX-License-Identifier: Apache-2.0
// Rows of floats to any format.
#pragma once

#include <cstddef>
#include <span>

#include "quant/format.h"

namespace minimax::quant {

enum class EncodeMethod {
  /// Searches the scales for the least squared error.
  kSearched,
  /// As ggml's reference encoders of Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1, byte for byte, and the same
  /// rule for our groups; as kSearched for all other formats.
  kReference,
};

struct EncodeOptions {
  EncodeMethod method = EncodeMethod::kSearched;
  /// What the squared error of every element counts, >= 0; empty: all the same. The floating point
  /// types, nf4, fp4, int8_f32, fp8 and the reference method disregard it.
  std::span<const float> importance = {};
};

/// Encodes whole blocks. What is finite stays finite: scales that binary16 cannot hold, and numbers
/// that f16 or bf16 cannot hold, become the largest that they can.
/// Throws: Error{kInvalidArgument} for infinities and NaN in `row` or `importance`, and for sizes
/// that do not fit together.
void encode_row(Format format, std::span<const float> row, const EncodeOptions& options,
                std::span<std::byte> out);

}  // namespace minimax::quant
