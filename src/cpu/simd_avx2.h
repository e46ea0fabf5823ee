// SPDX-License-Identifier: Apache-2.0
// Vec for AVX2 with FMA and F16C: eight floats. cpu/simd.h has the contract of every function here.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "tensor/float16.h"

namespace minimax::cpu {
namespace {

struct Vec {
  static constexpr std::int64_t kLanes = 8;
  __m256 raw;
};

inline __m256i first_lanes(std::int64_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}

inline Vec zero() { return {_mm256_setzero_ps()}; }
inline Vec broadcast(float value) { return {_mm256_set1_ps(value)}; }

inline Vec widen(tensor::BFloat16, __m128i bits) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16))};
}
inline Vec widen(tensor::Float16, __m128i bits) { return {_mm256_cvtph_ps(bits)}; }

inline Vec load(const float* from) { return {_mm256_loadu_ps(from)}; }
template <class T>
Vec load(const T* from) {
  return widen(T{}, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Vec load_first(const float* from, std::int64_t n) {
  return {_mm256_maskload_ps(from, first_lanes(n))};
}
template <class T>
Vec load_first(const T* from, std::int64_t n) {
  alignas(16) T lanes[8] = {};
  for (std::int64_t i = 0; i < n; ++i) {
    lanes[i] = from[i];
  }
  return load(lanes);
}

inline void store(float* to, Vec a) { _mm256_storeu_ps(to, a.raw); }
inline void store_first(float* to, Vec a, std::int64_t n) {
  _mm256_maskstore_ps(to, first_lanes(n), a.raw);
}
inline void store(tensor::BFloat16* to, Vec a) {
  const __m256i bits = _mm256_castps_si256(a.raw);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a.raw, a.raw, _CMP_UNORD_Q));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i upper = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(upper, upper), 0x08);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(packed));
}
inline void store_first(tensor::BFloat16* to, Vec a, std::int64_t n) {
  alignas(16) tensor::BFloat16 lanes[8];
  store(lanes, a);
  for (std::int64_t i = 0; i < n; ++i) {
    to[i] = lanes[i];
  }
}

inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.raw, b.raw)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.raw, b.raw)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.raw, b.raw)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.raw, b.raw)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.raw, b.raw, c.raw)}; }
inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.raw, b.raw)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.raw, b.raw)}; }
inline Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.raw)}; }
inline Vec round(Vec a) {
  return {_mm256_round_ps(a.raw, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
// In two steps of half the exponent each, so that results near either end of the range come out.
inline Vec scale_by_power_of_2(Vec a, Vec exponent) {
  const __m256i n = _mm256_cvtps_epi32(exponent.raw);
  const __m256i half = _mm256_srai_epi32(n, 1);
  const __m256i rest = _mm256_sub_epi32(n, half);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256 first = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const __m256 second = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
  return {_mm256_mul_ps(_mm256_mul_ps(a.raw, first), second)};
}

// The lanes are added at distances 2, 1, 4 here and in sum4, so that a sum does not depend on
// which of the two made it.
inline float reduce_add(Vec a) {
  const __m256 pairs = _mm256_add_ps(a.raw, _mm256_permute_ps(a.raw, 0x4e));
  const __m256 fours = _mm256_add_ps(pairs, _mm256_permute_ps(pairs, 0xb1));
  return _mm_cvtss_f32(_mm_add_ps(_mm256_castps256_ps128(fours), _mm256_extractf128_ps(fours, 1)));
}
inline __m128 sum4(Vec a, Vec b, Vec c, Vec d) {
  const __m256 ab =
      _mm256_add_ps(_mm256_unpacklo_ps(a.raw, b.raw), _mm256_unpackhi_ps(a.raw, b.raw));
  const __m256 cd =
      _mm256_add_ps(_mm256_unpacklo_ps(c.raw, d.raw), _mm256_unpackhi_ps(c.raw, d.raw));
  const __m256 fours =
      _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  return _mm_add_ps(_mm256_castps256_ps128(fours), _mm256_extractf128_ps(fours, 1));
}
inline float reduce_max(Vec a) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a.raw), _mm256_extractf128_ps(a.raw, 1));
  const __m128 two = _mm_max_ps(four, _mm_permute_ps(four, 0x4e));
  return _mm_cvtss_f32(_mm_max_ps(two, _mm_permute_ps(two, 0xb1)));
}

constexpr bool kHasBFloat16Products = false;
struct BFloat16Vec;

constexpr bool kHasInt8Products = false;
struct Int8Vec;
struct Int32Vec;

}  // namespace
}  // namespace minimax::cpu
