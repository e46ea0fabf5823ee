// SPDX-License-Identifier: Apache-2.0
// Element types of tensors. The names are those of the safetensors format.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace minimax::tensor {

enum class DType : std::uint8_t {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kF16,
  kBF16,
  kU32,
  kI32,
  kF32,
  kU64,
  kI64,
  kF64,
  kF8E4M3,
  kF8E5M2,
};

/// The name in a safetensors header, for example "BF16".
std::string_view dtype_name(DType dtype);

/// The type of that safetensors name; names are upper case and exact.
std::optional<DType> dtype_from_name(std::string_view name);

/// Size of one element.
std::int64_t dtype_bytes(DType dtype);

}  // namespace minimax::tensor
