// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_types.h"

#include <algorithm>
#include <array>

namespace minimax::io {
namespace {

using tensor::DType;

struct PlainType {
  std::uint32_t gguf_type;
  DType dtype;
};

constexpr std::array kPlainTypes = {PlainType{0, DType::kF32},  PlainType{1, DType::kF16},
                                    PlainType{24, DType::kI8},  PlainType{25, DType::kI16},
                                    PlainType{26, DType::kI32}, PlainType{27, DType::kI64},
                                    PlainType{28, DType::kF64}, PlainType{30, DType::kBF16}};

struct UnsupportedType {
  std::uint32_t gguf_type;
  std::string_view name;
};

constexpr std::array kUnsupportedTypes = {
    UnsupportedType{4, "Q4_2"},        UnsupportedType{5, "Q4_3"},
    UnsupportedType{9, "Q8_1"},        UnsupportedType{15, "Q8_K"},
    UnsupportedType{16, "IQ2_XXS"},    UnsupportedType{17, "IQ2_XS"},
    UnsupportedType{18, "IQ3_XXS"},    UnsupportedType{19, "IQ1_S"},
    UnsupportedType{21, "IQ3_S"},      UnsupportedType{22, "IQ2_S"},
    UnsupportedType{29, "IQ1_M"},      UnsupportedType{31, "Q4_0_4_4"},
    UnsupportedType{32, "Q4_0_4_8"},   UnsupportedType{33, "Q4_0_8_8"},
    UnsupportedType{34, "TQ1_0"},      UnsupportedType{35, "TQ2_0"},
    UnsupportedType{36, "IQ4_NL_4_4"}, UnsupportedType{37, "IQ4_NL_4_8"},
    UnsupportedType{38, "IQ4_NL_8_8"}, UnsupportedType{39, "MXFP4"},
};

template <class Table>
auto find_row(const Table& table, std::uint32_t gguf_type) -> decltype(table.data()) {
  const auto* const it =
      std::ranges::find_if(table, [&](const auto& row) { return row.gguf_type == gguf_type; });
  return it == table.end() ? nullptr : it;
}

}  // namespace

std::optional<DType> find_plain_type(std::uint32_t gguf_type) {
  const PlainType* row = find_row(kPlainTypes, gguf_type);
  return row == nullptr ? std::nullopt : std::optional(row->dtype);
}

std::optional<quant::Format> find_block_format(std::uint32_t gguf_type) {
  return find_plain_type(gguf_type) ? std::nullopt : quant::format_from_gguf_id(gguf_type);
}

std::string_view unsupported_type_name(std::uint32_t gguf_type) {
  const UnsupportedType* row = find_row(kUnsupportedTypes, gguf_type);
  return row == nullptr ? std::string_view() : row->name;
}

}  // namespace minimax::io
