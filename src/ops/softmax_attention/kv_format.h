// SPDX-License-Identifier: Apache-2.0
// How keys and values lie in the pages of a cache. A row is the D numbers of a token and head. Rows
// of F32 and BF16 are as they are; a quantized page has the codes of all its rows, then their
// scales:
//   F8_E4M3  a code a number; a float32 scale a row, its largest magnitude / 448
//   U8       int4: two codes a byte, the first in the low half; a bfloat16 scale for every 32
//            numbers, the number of largest magnitude / -8; a number is (code - 8) scale
// A row, or 32 numbers, with an infinity or a NaN become NaN; those below 2^-100 count as zeros.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/float16.h"

namespace minimax::ops {

inline constexpr std::int64_t kInt4Group = 32;

constexpr bool is_quantized(tensor::DType dtype) {
  return dtype == tensor::DType::kF8E4M3 || dtype == tensor::DType::kU8;
}

constexpr std::int64_t kv_row_bytes(tensor::DType dtype, std::int64_t head_dim) {
  switch (dtype) {
    case tensor::DType::kF32:
      return 4 * head_dim;
    case tensor::DType::kBF16:
      return 2 * head_dim;
    case tensor::DType::kF8E4M3:
      return head_dim;
    default:
      return (head_dim + 1) / 2;
  }
}

/// Bytes of the scales of a row.
constexpr std::int64_t kv_scale_bytes(tensor::DType dtype, std::int64_t head_dim) {
  switch (dtype) {
    case tensor::DType::kF8E4M3:
      return 4;
    case tensor::DType::kU8:
      return 2 * ((head_dim + kInt4Group - 1) / kInt4Group);
    default:
      return 0;
  }
}

/// Where the scales of a page of so many rows begin: at a multiple of 16.
constexpr std::int64_t kv_scales_begin(tensor::DType dtype, std::int64_t rows,
                                       std::int64_t head_dim) {
  return (rows * kv_row_bytes(dtype, head_dim) + 15) / 16 * 16;
}

/// Bytes of a page: its rows are [2, KVH, page_tokens].
constexpr std::int64_t kv_page_bytes(tensor::DType dtype, std::int64_t rows,
                                     std::int64_t head_dim) {
  return kv_scales_begin(dtype, rows, head_dim) + rows * kv_scale_bytes(dtype, head_dim);
}

// ---- numbers

/// The bits of |x|; they are ordered like magnitudes, NaN above infinity.
constexpr std::uint32_t magnitude_bits(float x) {
  return std::bit_cast<std::uint32_t>(x) & 0x7fffffffu;
}
inline constexpr std::uint32_t kInfinityBits = 0x7f800000u;
inline constexpr std::uint32_t kSmallestBits = 0x0d800000u;  // 2^-100

/// Rounds to nearest even, beyond 448 to 448. x is no NaN.
constexpr std::uint8_t to_e4m3(float x) {
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) >> 24 & 0x80u;
  const std::uint32_t bits = magnitude_bits(x);
  constexpr std::uint32_t kLargest = 0x7e;
  std::uint32_t code = 0;
  if (bits >= 0x43e00000u) {  // 448
    code = kLargest;
  } else if (bits < 0x3c800000u) {  // 2^-6; next to 2^14, float32 has steps of 2^-9
    code = std::bit_cast<std::uint32_t>(std::bit_cast<float>(bits) + 0x1p14f) -
           std::bit_cast<std::uint32_t>(0x1p14f);
  } else {
    code = ((bits + 0x7ffffu + (bits >> 20 & 1u)) >> 20) - (120u << 3);
    code = code < kLargest ? code : kLargest;
  }
  return static_cast<std::uint8_t>(sign | code);
}

/// The code is none of NaN.
constexpr float from_e4m3(std::uint8_t code) {
  const std::uint32_t bits = (code & 0x80u) << 24 | (code & 0x7fu) << 20;
  return std::bit_cast<float>(bits) * 0x1p120f;
}

/// What a row is divided by, from the bits of its largest magnitude: 0 for zeros, NaN for no
/// numbers.
constexpr float fp8_scale(std::uint32_t largest) {
  if (largest >= kInfinityBits) {
    return std::bit_cast<float>(0x7fc00000u);
  }
  return largest < kSmallestBits ? 0.0f : std::bit_cast<float>(largest) / 448.0f;
}
constexpr float fp8_inverse(std::uint32_t largest) {
  const bool is_number = kSmallestBits <= largest && largest < kInfinityBits;
  return is_number ? 448.0f / std::bit_cast<float>(largest) : 0.0f;
}

/// The same for 32 numbers of int4; `most` is the one of largest magnitude.
constexpr tensor::BFloat16 int4_scale(float most) {
  const std::uint32_t bits = magnitude_bits(most);
  if (bits >= kInfinityBits) {
    return {0x7fc0};
  }
  return tensor::to_bfloat16(bits < kSmallestBits ? 0.0f : most / -8.0f);
}
constexpr float int4_inverse(tensor::BFloat16 scale) {
  const float value = tensor::to_float(scale);
  const std::uint32_t bits = magnitude_bits(value);
  return bits == 0 || bits >= kInfinityBits ? 0.0f : 1.0f / value;
}
constexpr std::uint8_t to_int4(float x, float inverse) {
  const float code = x * inverse + 8.5f;
  return static_cast<std::uint8_t>(code < 0.0f ? 0.0f : code < 15.0f ? code : 15.0f);
}

// ---- rows

/// A quantized row of a page.
struct KvRow {
  tensor::DType dtype;
  std::byte* codes;
  std::byte* scales;
};

/// Row `row` of a page of `rows` rows.
constexpr KvRow kv_row(tensor::DType dtype, std::byte* page, std::int64_t rows, std::int64_t row,
                       std::int64_t head_dim) {
  return {dtype, page + row * kv_row_bytes(dtype, head_dim),
          page + kv_scales_begin(dtype, rows, head_dim) + row * kv_scale_bytes(dtype, head_dim)};
}

void encode_row(const KvRow& row, const float* values, std::int64_t head_dim);

}  // namespace minimax::ops
