// SPDX-License-Identifier: Apache-2.0
// Which parameters BitsAndBytesConfig quantizes, and into what.
#pragma once

#include <optional>

#include "minimax/quantization.h"
#include "model/parameters.h"
#include "quant/format.h"

namespace minimax::model {

/// Throws: Error{kInvalidArgument} naming the field where exactly one of load_in_4bit and
/// load_in_8bit is expected.
void check_quantization(const BitsAndBytesConfig& config);

/// The format that a parameter gets; none for those that stay as stored.
std::optional<quant::Format> quantized_format(const BitsAndBytesConfig& config,
                                              const Parameter& parameter);

}  // namespace minimax::model
