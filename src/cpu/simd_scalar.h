// SPDX-License-Identifier: Apache-2.0
// Vec for the x86-64 baseline, SSE2: four floats. cpu/simd.h has the contract of every function
// here. There is no fused multiply-add: fma() rounds twice.
#pragma once

#include <emmintrin.h>

#include <cstdint>

#include "cpu/isa.h"
#include "tensor/float16.h"

namespace minimax::cpu {
namespace {

constexpr Isa kTargetIsa = Isa::kScalar;

struct Vec {
  static constexpr std::int64_t kLanes = 4;
  __m128 raw;
};

inline Vec zero() { return {_mm_setzero_ps()}; }
inline Vec broadcast(float value) { return {_mm_set1_ps(value)}; }

inline Vec widen(tensor::BFloat16, __m128i bits) {
  return {_mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), bits))};
}
// The exponent is rebased by a multiplication, which is right for subnormal numbers too.
inline Vec widen(tensor::Float16, __m128i bits) {
  const __m128i wide = _mm_unpacklo_epi16(bits, _mm_setzero_si128());
  const __m128i sign = _mm_slli_epi32(_mm_and_si128(wide, _mm_set1_epi32(0x8000)), 16);
  const __m128i magnitude = _mm_and_si128(wide, _mm_set1_epi32(0x7fff));
  const __m128 rebased = _mm_mul_ps(_mm_castsi128_ps(_mm_slli_epi32(magnitude, 13)),
                                    _mm_castsi128_ps(_mm_set1_epi32((254 - 15) << 23)));
  const __m128i special = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7bff));  // infinite, NaN
  const __m128i all_ones = _mm_and_si128(special, _mm_set1_epi32(0xff << 23));
  return {_mm_castsi128_ps(_mm_or_si128(_mm_or_si128(_mm_castps_si128(rebased), all_ones), sign))};
}

inline Vec load(const float* from) { return {_mm_loadu_ps(from)}; }
template <class T>
Vec load(const T* from) {
  return widen(T{}, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
}
template <class T>
Vec load_first(const T* from, std::int64_t n) {
  alignas(16) T lanes[4] = {};
  for (std::int64_t i = 0; i < n; ++i) {
    lanes[i] = from[i];
  }
  return load(lanes);
}

inline void store(float* to, Vec a) { _mm_storeu_ps(to, a.raw); }
inline void store(tensor::BFloat16* to, Vec a) {
  const __m128i bits = _mm_castps_si128(a.raw);
  const __m128i odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(1));
  const __m128i rounded = _mm_add_epi32(_mm_add_epi32(bits, _mm_set1_epi32(0x7fff)), odd);
  const __m128i nan = _mm_castps_si128(_mm_cmpunord_ps(a.raw, a.raw));
  const __m128i quiet = _mm_or_si128(bits, _mm_set1_epi32(0x400000));
  const __m128i chosen = _mm_or_si128(_mm_and_si128(nan, quiet), _mm_andnot_si128(nan, rounded));
  // The arithmetic shift keeps the values in the range that the signed pack leaves alone.
  const __m128i upper = _mm_srai_epi32(chosen, 16);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packs_epi32(upper, upper));
}
template <class T>
void store_first(T* to, Vec a, std::int64_t n) {
  alignas(16) T lanes[4];
  store(lanes, a);
  for (std::int64_t i = 0; i < n; ++i) {
    to[i] = lanes[i];
  }
}

inline Vec operator+(Vec a, Vec b) { return {_mm_add_ps(a.raw, b.raw)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm_sub_ps(a.raw, b.raw)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm_mul_ps(a.raw, b.raw)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm_div_ps(a.raw, b.raw)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec max(Vec a, Vec b) { return {_mm_max_ps(a.raw, b.raw)}; }
inline Vec min(Vec a, Vec b) { return {_mm_min_ps(a.raw, b.raw)}; }
inline Vec sqrt(Vec a) { return {_mm_sqrt_ps(a.raw)}; }
inline Vec round(Vec a) { return {_mm_cvtepi32_ps(_mm_cvtps_epi32(a.raw))}; }
// In two steps of half the exponent each, so that results near either end of the range come out.
inline Vec scale_by_power_of_2(Vec a, Vec exponent) {
  const __m128i n = _mm_cvtps_epi32(exponent.raw);
  const __m128i half = _mm_srai_epi32(n, 1);
  const __m128i rest = _mm_sub_epi32(n, half);
  const __m128i bias = _mm_set1_epi32(127);
  const __m128 first = _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(half, bias), 23));
  const __m128 second = _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(rest, bias), 23));
  return {_mm_mul_ps(_mm_mul_ps(a.raw, first), second)};
}

// The lanes are added at distances 2, 1 here and in sum4, so that a sum does not depend on which
// of the two made it.
inline float reduce_add(Vec a) {
  const __m128 pairs = _mm_add_ps(a.raw, _mm_shuffle_ps(a.raw, a.raw, 0x4e));
  return _mm_cvtss_f32(_mm_add_ps(pairs, _mm_shuffle_ps(pairs, pairs, 0xb1)));
}
inline __m128 sum4(Vec a, Vec b, Vec c, Vec d) {
  const __m128 ab = _mm_add_ps(_mm_unpacklo_ps(a.raw, b.raw), _mm_unpackhi_ps(a.raw, b.raw));
  const __m128 cd = _mm_add_ps(_mm_unpacklo_ps(c.raw, d.raw), _mm_unpackhi_ps(c.raw, d.raw));
  return _mm_add_ps(_mm_shuffle_ps(ab, cd, 0x44), _mm_shuffle_ps(ab, cd, 0xee));
}
inline float reduce_max(Vec a) {
  const __m128 two = _mm_max_ps(a.raw, _mm_shuffle_ps(a.raw, a.raw, 0x4e));
  return _mm_cvtss_f32(_mm_max_ps(two, _mm_shuffle_ps(two, two, 0xb1)));
}

constexpr bool kHasBFloat16Products = false;
struct BFloat16Vec;

constexpr bool kHasInt8Products = false;
struct Int8Vec;
struct Int32Vec;

}  // namespace
}  // namespace minimax::cpu
