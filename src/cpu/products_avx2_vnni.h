// SPDX-License-Identifier: Apache-2.0
// Products of bytes for AVX2 with AVX-VNNI: four are added to a sum of 32 bits at once.
#pragma once

#include <immintrin.h>

#include "cpu/isa.h"

namespace minimax::cpu {
namespace {

constexpr Isa kTargetIsa = Isa::kAvx2Vnni;

constexpr int kWideBias = 0;

inline __m256i add_byte_products(__m256i a, __m256i b, __m256i sums) {
  return _mm256_dpbusd_avx_epi32(sums, a, b);
}

inline __m256i add_wide_byte_products(__m256i a, __m256i b, __m256i sums) {
  return add_byte_products(a, b, sums);
}

}  // namespace
}  // namespace minimax::cpu
