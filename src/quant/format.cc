// SPDX-License-Identifier: Apache-2.0
#include "quant/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace minimax::quant {
namespace {

constexpr FormatInfo row(Format format, std::string_view name, std::optional<int> gguf_id,
                         Format fallback) {
  return visit_format(format, [&]<BlockFormat F>() {
    return FormatInfo{format, name, gguf_id, F::kElements, sizeof(typename F::Block), fallback};
  });
}

constexpr std::nullopt_t kNoGgufType = std::nullopt;

constexpr std::array kRows = {
    row(Format::kF32, "f32", 0, Format::kF32),
    row(Format::kF16, "f16", 1, Format::kF16),
    row(Format::kBF16, "bf16", 30, Format::kBF16),
    row(Format::kQ8_0, "q8_0", 8, Format::kF16),
    row(Format::kQ4_0, "q4_0", 2, Format::kF16),
    row(Format::kQ4_1, "q4_1", 3, Format::kF16),
    row(Format::kQ5_0, "q5_0", 6, Format::kF16),
    row(Format::kQ5_1, "q5_1", 7, Format::kF16),
    row(Format::kQ2_K, "q2_k", 10, Format::kIQ4_NL),
    row(Format::kQ3_K, "q3_k", 11, Format::kIQ4_NL),
    row(Format::kQ4_K, "q4_k", 12, Format::kQ5_0),
    row(Format::kQ5_K, "q5_k", 13, Format::kQ5_1),
    row(Format::kQ6_K, "q6_k", 14, Format::kQ8_0),
    row(Format::kIQ4_NL, "iq4_nl", 20, Format::kF16),
    row(Format::kIQ4_XS, "iq4_xs", 23, Format::kIQ4_NL),
    row(Format::kInt8G32, "int8_g32", kNoGgufType, Format::kF16),
    row(Format::kInt8G64, "int8_g64", kNoGgufType, Format::kInt8G32),
    row(Format::kInt4G32, "int4_g32", kNoGgufType, Format::kF16),
    row(Format::kInt4G64, "int4_g64", kNoGgufType, Format::kInt4G32),
    row(Format::kNF4, "nf4", kNoGgufType, Format::kF16),
    row(Format::kFP4, "fp4", kNoGgufType, Format::kF16),
    row(Format::kInt8F32, "int8_f32", kNoGgufType, Format::kInt8G32),
    row(Format::kFP8, "fp8", kNoGgufType, Format::kInt8G32),
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].format) != i) {
      return false;
    }
  }
  return true;
}
static_assert(in_order(), "a format is the index of its row");

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::span<const FormatInfo> formats() { return kRows; }

const FormatInfo& info(Format format) { return kRows[static_cast<std::size_t>(format)]; }

std::optional<Format> format_from_name(std::string_view name) {
  const auto it =
      std::ranges::find_if(kRows, [&](const FormatInfo& row) { return same_name(row.name, name); });
  return it == kRows.end() ? std::nullopt : std::optional(it->format);
}

std::optional<Format> format_from_gguf_id(std::int64_t id) {
  const auto it =
      std::ranges::find_if(kRows, [&](const FormatInfo& row) { return row.gguf_id == id; });
  return it == kRows.end() ? std::nullopt : std::optional(it->format);
}

std::int64_t row_bytes(Format format, std::int64_t elements) {
  const FormatInfo& row = info(format);
  base::check(elements >= 0 && elements % row.block_elements == 0, ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format("a row in {}: expected a multiple of {} elements, found {}",
                                   row.name, row.block_elements, elements);
              });
  return elements / row.block_elements * row.block_bytes;
}

Format format_for_row(Format wanted, std::int64_t elements) {
  while (elements % info(wanted).block_elements != 0) {
    wanted = info(wanted).fallback;
  }
  return wanted;
}

}  // namespace minimax::quant
