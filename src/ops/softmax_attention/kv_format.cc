// SPDX-License-Identifier: Apache-2.0
#include "ops/softmax_attention/kv_format.h"

#include <algorithm>
#include <cstring>

namespace minimax::ops {
namespace {

using tensor::DType;

float most_of(const float* values, std::int64_t count) {
  return *std::max_element(values, values + count,
                           [](float a, float b) { return magnitude_bits(a) < magnitude_bits(b); });
}

void encode_fp8(const KvRow& row, const float* values, std::int64_t head_dim) {
  const std::uint32_t largest = magnitude_bits(most_of(values, head_dim));
  const float scale = fp8_scale(largest);
  const float inverse = fp8_inverse(largest);
  for (std::int64_t i = 0; i < head_dim; ++i) {
    row.codes[i] = std::byte{inverse == 0.0f ? std::uint8_t{0} : to_e4m3(values[i] * inverse)};
  }
  std::memcpy(row.scales, &scale, sizeof(scale));
}

void encode_int4(const KvRow& row, const float* values, std::int64_t head_dim) {
  std::fill_n(row.codes, kv_row_bytes(DType::kU8, head_dim), std::byte{0});
  for (std::int64_t begin = 0; begin < head_dim; begin += kInt4Group) {
    const std::int64_t end = std::min(begin + kInt4Group, head_dim);
    const tensor::BFloat16 scale = int4_scale(most_of(values + begin, end - begin));
    const float inverse = int4_inverse(scale);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::uint8_t code = inverse == 0.0f ? std::uint8_t{8} : to_int4(values[i], inverse);
      row.codes[i / 2] |= std::byte{code} << (i % 2 * 4);
    }
    std::memcpy(row.scales + begin / kInt4Group * 2, &scale, sizeof(scale));
  }
}

}  // namespace

void encode_row(const KvRow& row, const float* values, std::int64_t head_dim) {
  if (row.dtype == DType::kF8E4M3) {
    encode_fp8(row, values, head_dim);
  } else {
    encode_int4(row, values, head_dim);
  }
}

}  // namespace minimax::ops
