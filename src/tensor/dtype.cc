// SPDX-License-Identifier: Apache-2.0
#include "tensor/dtype.h"

#include <algorithm>
#include <array>

namespace minimax::tensor {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::int64_t bytes;
};

// In the order of DType, so that a type is its own index.
constexpr std::array kRows = {
    Row{DType::kBool, "BOOL", 1},      Row{DType::kU8, "U8", 1},
    Row{DType::kI8, "I8", 1},          Row{DType::kU16, "U16", 2},
    Row{DType::kI16, "I16", 2},        Row{DType::kF16, "F16", 2},
    Row{DType::kBF16, "BF16", 2},      Row{DType::kU32, "U32", 4},
    Row{DType::kI32, "I32", 4},        Row{DType::kF32, "F32", 4},
    Row{DType::kU64, "U64", 8},        Row{DType::kI64, "I64", 8},
    Row{DType::kF64, "F64", 8},        Row{DType::kF8E4M3, "F8_E4M3", 1},
    Row{DType::kF8E5M2, "F8_E5M2", 1},
};

const Row& row(DType dtype) { return kRows[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::string_view dtype_name(DType dtype) { return row(dtype).name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  const auto it = std::find_if(kRows.begin(), kRows.end(),
                               [&](const Row& candidate) { return candidate.name == name; });
  return it == kRows.end() ? std::nullopt : std::optional(it->dtype);
}

std::int64_t dtype_bytes(DType dtype) { return row(dtype).bytes; }

}  // namespace minimax::tensor
