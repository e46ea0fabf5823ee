// SPDX-License-Identifier: Apache-2.0
// Rows of any format to float, for conversions and as the slow decoder that kernels are compared
// with; kernels decode blocks in registers instead.
#pragma once

#include <cstddef>
#include <span>

#include "quant/format.h"

namespace minimax::quant {

/// Decodes whole blocks. `bytes` need not be aligned.
/// Throws: Error{kInvalidArgument} unless `bytes` are exactly the blocks of out.size() elements.
void decode_row(Format format, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace minimax::quant
