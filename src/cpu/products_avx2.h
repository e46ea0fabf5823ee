// SPDX-License-Identifier: Apache-2.0
// Products of bytes for AVX2 alone: sums of two of 16 bits, then of four.
#pragma once

#include <immintrin.h>

#include "cpu/isa.h"

namespace minimax::cpu {
namespace {

constexpr Isa kTargetIsa = Isa::kAvx2;

constexpr int kWideBias = 128;

// The 16-bit sums of two products stay below 2 * 127 * 127 < 2^15.
inline __m256i add_byte_products(__m256i a, __m256i b, __m256i sums) {
  const __m256i pairs = _mm256_maddubs_epi16(a, b);
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

// (a - 128) b = |a - 128| (b with the sign of a - 128): 16-bit sums below 2 * 128 * 127 < 2^15.
inline __m256i add_wide_byte_products(__m256i a, __m256i b, __m256i sums) {
  const __m256i centred = _mm256_xor_si256(a, _mm256_set1_epi8(-128));
  return add_byte_products(_mm256_abs_epi8(centred), _mm256_sign_epi8(b, centred), sums);
}

}  // namespace
}  // namespace minimax::cpu
