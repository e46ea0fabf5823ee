// SPDX-License-Identifier: Apache-2.0
// The numbers by which GGUF names tensor types. quant/format.h has the table of block formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "quant/format.h"
#include "tensor/dtype.h"

namespace minimax::io {

/// The plain type with that number.
std::optional<tensor::DType> find_plain_type(std::uint32_t gguf_type);

/// The format with that number, where its elements are not plain.
std::optional<quant::Format> find_block_format(std::uint32_t gguf_type);

/// The name of a type that is known but not supported, or empty.
std::string_view unsupported_type_name(std::uint32_t gguf_type);

}  // namespace minimax::io
