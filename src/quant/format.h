// SPDX-License-Identifier: Apache-2.0
// The table of all formats that weights are stored in, and the one bridge from a format known at
// run time to its type. A new format is a header, an enumerator, a case here and a row in
// format.cc; docs/formats/ describes its bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "quant/block_format.h"
#include "quant/fp8.h"
#include "quant/int8_f32.h"
#include "quant/int_group.h"
#include "quant/iq4_nl.h"
#include "quant/iq4_xs.h"
#include "quant/nf4.h"
#include "quant/plain.h"
#include "quant/q2_k.h"
#include "quant/q3_k.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q4_k.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"
#include "quant/q8_0.h"

namespace minimax::quant {

enum class Format : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kInt8G32,
  kInt8G64,
  kInt4G32,
  kInt4G64,
  kNF4,
  kFP4,
  kInt8F32,
  kFP8,
};

/// One row of the table.
struct FormatInfo {
  Format format;
  std::string_view name;       // as the command line and messages write it
  std::optional<int> gguf_id;  // number of the type in GGUF files; absent: not a GGUF type
  std::int64_t block_elements;
  std::int64_t block_bytes;
  Format fallback;  // for rows that do not divide into blocks; the format itself: none is needed

  double bits_per_element() const {
    return 8.0 * static_cast<double>(block_bytes) / static_cast<double>(block_elements);
  }
};

/// All rows, in the order of Format.
std::span<const FormatInfo> formats();

const FormatInfo& info(Format format);

/// The format of that name, without regard to case.
std::optional<Format> format_from_name(std::string_view name);

std::optional<Format> format_from_gguf_id(std::int64_t id);

/// The bytes of a row of `elements`.
/// Throws: Error{kInvalidArgument} where the row does not divide into blocks.
std::int64_t row_bytes(Format format, std::int64_t elements);

/// `wanted`, or the first of its fallbacks into whose blocks a row of `elements` divides.
/// Source: the rule of llama.cpp's quantizer, and its like for the formats that GGUF lacks.
Format format_for_row(Format wanted, std::int64_t elements);

/// Calls visitor.operator()<F>() with the type of the format.
template <class Visitor>
constexpr decltype(auto) visit_format(Format format, Visitor&& visitor) {
  switch (format) {
    case Format::kF32:
      return visitor.template operator()<F32>();
    case Format::kF16:
      return visitor.template operator()<F16>();
    case Format::kBF16:
      return visitor.template operator()<BF16>();
    case Format::kQ8_0:
      return visitor.template operator()<Q8_0>();
    case Format::kQ4_0:
      return visitor.template operator()<Q4_0>();
    case Format::kQ4_1:
      return visitor.template operator()<Q4_1>();
    case Format::kQ5_0:
      return visitor.template operator()<Q5_0>();
    case Format::kQ5_1:
      return visitor.template operator()<Q5_1>();
    case Format::kQ2_K:
      return visitor.template operator()<Q2_K>();
    case Format::kQ3_K:
      return visitor.template operator()<Q3_K>();
    case Format::kQ4_K:
      return visitor.template operator()<Q4_K>();
    case Format::kQ5_K:
      return visitor.template operator()<Q5_K>();
    case Format::kQ6_K:
      return visitor.template operator()<Q6_K>();
    case Format::kIQ4_NL:
      return visitor.template operator()<IQ4_NL>();
    case Format::kIQ4_XS:
      return visitor.template operator()<IQ4_XS>();
    case Format::kInt8G32:
      return visitor.template operator()<Int8Group<32>>();
    case Format::kInt8G64:
      return visitor.template operator()<Int8Group<64>>();
    case Format::kInt4G32:
      return visitor.template operator()<Int4Group<32>>();
    case Format::kInt4G64:
      return visitor.template operator()<Int4Group<64>>();
    case Format::kNF4:
      return visitor.template operator()<NF4>();
    case Format::kFP4:
      return visitor.template operator()<FP4>();
    case Format::kInt8F32:
      return visitor.template operator()<Int8F32>();
    case Format::kFP8:
      return visitor.template operator()<FP8>();
  }
  __builtin_unreachable();
}

}  // namespace minimax::quant
