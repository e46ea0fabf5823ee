// SPDX-License-Identifier: Apache-2.0
// Vec for AVX-512: sixteen floats. cpu/simd.h has the contract of every function here.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "cpu/isa.h"
#include "tensor/float16.h"

namespace minimax::cpu {
namespace {

constexpr Isa kTargetIsa = Isa::kAvx512;

struct Vec {
  static constexpr std::int64_t kLanes = 16;
  __m512 raw;
};

inline __mmask16 first_lanes(std::int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

inline Vec zero() { return {_mm512_setzero_ps()}; }
inline Vec broadcast(float value) { return {_mm512_set1_ps(value)}; }

inline Vec widen(tensor::BFloat16, __m256i bits) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
}
inline Vec widen(tensor::Float16, __m256i bits) { return {_mm512_cvtph_ps(bits)}; }

inline Vec load(const float* from) { return {_mm512_loadu_ps(from)}; }
template <class T>
Vec load(const T* from) {
  return widen(T{}, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline Vec load_first(const float* from, std::int64_t n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n), from)};
}
template <class T>
Vec load_first(const T* from, std::int64_t n) {
  return widen(T{}, _mm256_maskz_loadu_epi16(first_lanes(n), from));
}

inline void store(float* to, Vec a) { _mm512_storeu_ps(to, a.raw); }
inline void store_first(float* to, Vec a, std::int64_t n) {
  _mm512_mask_storeu_ps(to, first_lanes(n), a.raw);
}
// The rounding instruction flushes subnormal numbers, so the bits are rounded as integers.
inline __m256i narrow(Vec a) {
  const __m512i bits = _mm512_castps_si512(a.raw);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __mmask16 nan = _mm512_cmp_ps_mask(a.raw, a.raw, _CMP_UNORD_Q);
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_mask_blend_epi32(nan, rounded, quiet), 16));
}
inline void store(tensor::BFloat16* to, Vec a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), narrow(a));
}
inline void store_first(tensor::BFloat16* to, Vec a, std::int64_t n) {
  _mm256_mask_storeu_epi16(to, first_lanes(n), narrow(a));
}

inline Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.raw, b.raw)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.raw, b.raw)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.raw, b.raw)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.raw, b.raw)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.raw, b.raw, c.raw)}; }
inline Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.raw, b.raw)}; }
inline Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.raw, b.raw)}; }
inline Vec sqrt(Vec a) { return {_mm512_sqrt_ps(a.raw)}; }
inline Vec round(Vec a) {
  return {_mm512_roundscale_ps(a.raw, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline Vec scale_by_power_of_2(Vec a, Vec exponent) {
  return {_mm512_scalef_ps(a.raw, exponent.raw)};
}

// The lanes are added at distances 2, 1, 8, 4, in this file and in sum4, so that a sum does not
// depend on which of the two made it.
inline float reduce_add(Vec a) {
  const __m512 pairs = _mm512_add_ps(a.raw, _mm512_permute_ps(a.raw, 0x4e));
  const __m512 fours = _mm512_add_ps(pairs, _mm512_permute_ps(pairs, 0xb1));
  const __m256 halves =
      _mm256_add_ps(_mm512_castps512_ps256(fours), _mm512_extractf32x8_ps(fours, 1));
  return _mm_cvtss_f32(
      _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1)));
}
inline __m128 sum4(Vec a, Vec b, Vec c, Vec d) {
  const __m512 ab =
      _mm512_add_ps(_mm512_unpacklo_ps(a.raw, b.raw), _mm512_unpackhi_ps(a.raw, b.raw));
  const __m512 cd =
      _mm512_add_ps(_mm512_unpacklo_ps(c.raw, d.raw), _mm512_unpackhi_ps(c.raw, d.raw));
  const __m512 fours =
      _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  const __m256 halves =
      _mm256_add_ps(_mm512_castps512_ps256(fours), _mm512_extractf32x8_ps(fours, 1));
  return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}
inline float reduce_max(Vec a) { return _mm512_reduce_max_ps(a.raw); }

constexpr bool kHasBFloat16Products = true;

struct BFloat16Vec {
  static constexpr std::int64_t kLanes = 32;
  __m512bh raw;

  static BFloat16Vec load(const tensor::BFloat16* from) {
    return {reinterpret_cast<__m512bh>(_mm512_loadu_si512(from))};
  }
  static BFloat16Vec load_first(const tensor::BFloat16* from, std::int64_t n) {
    const auto lanes = static_cast<__mmask32>((1u << n) - 1u);
    return {reinterpret_cast<__m512bh>(_mm512_maskz_loadu_epi16(lanes, from))};
  }
  static Vec add_products(BFloat16Vec a, BFloat16Vec b, Vec sums) {
    return {_mm512_dpbf16_ps(sums.raw, a.raw, b.raw)};
  }
};

constexpr bool kHasInt8Products = true;

struct Int8Vec {
  static constexpr std::int64_t kLanes = 64;
  __m512i raw;

  static Int8Vec broadcast(std::int8_t value) { return {_mm512_set1_epi8(value)}; }
};
struct Int32Vec {
  static constexpr std::int64_t kLanes = 16;
  __m512i raw;

  static Int32Vec zero() { return {_mm512_setzero_si512()}; }
};
inline Int32Vec operator+(Int32Vec a, Int32Vec b) { return {_mm512_add_epi32(a.raw, b.raw)}; }
inline Int32Vec add_products(Int8Vec codes, Int8Vec b, Int32Vec sums) {
  return {_mm512_dpbusd_epi32(sums.raw, codes.raw, b.raw)};
}
inline std::int32_t reduce_add(Int32Vec a) { return _mm512_reduce_add_epi32(a.raw); }

}  // namespace
}  // namespace minimax::cpu
