// SPDX-License-Identifier: Apache-2.0
// Bytes16 and Ints16 for AVX-512 with VNNI. cpu/bytes.h has the contract of every function here.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "cpu/simd_avx512.h"

namespace minimax::cpu {
namespace {

struct Bytes16 {
  __m512i raw;
};
struct Ints16 {
  __m512i raw;
};
struct Four {
  __m512i raw;
};

inline std::int32_t load_int32(const void* from) {
  std::int32_t value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}

inline Bytes16 load_bytes(const std::uint8_t* from) { return {_mm512_loadu_si512(from)}; }
inline void store_bytes(std::uint8_t* to, Bytes16 a) { _mm512_storeu_si512(to, a.raw); }
inline Bytes16 operator|(Bytes16 a, Bytes16 b) { return {_mm512_or_si512(a.raw, b.raw)}; }

template <int kShift, int kMask>
inline Bytes16 bits(Bytes16 a) {
  if constexpr (kShift > 0) {
    a.raw = _mm512_srli_epi16(a.raw, kShift);
  } else if constexpr (kShift < 0) {
    a.raw = _mm512_slli_epi16(a.raw, -kShift);
  }
  return {_mm512_and_si512(a.raw, _mm512_set1_epi8(static_cast<char>(kMask)))};
}

inline Bytes16 look_up(const std::uint8_t* sixteen, Bytes16 index) {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(sixteen));
  return {_mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), index.raw)};
}

inline Four load_four(const std::int8_t* from) { return {_mm512_set1_epi32(load_int32(from))}; }

constexpr int kWideBias = 0;

inline Ints16 zero_ints() { return {_mm512_setzero_si512()}; }
inline Ints16 add_products(Bytes16 a, Four b, Ints16 sums) {
  return {_mm512_dpbusd_epi32(sums.raw, a.raw, b.raw)};
}
inline Ints16 add_wide_products(Bytes16 a, Four b, Ints16 sums) { return add_products(a, b, sums); }

template <int kShift>
inline Ints16 shifted_int(const std::int32_t* from) {
  return {_mm512_slli_epi32(_mm512_set1_epi32(*from), kShift)};
}

template <int kByte>
inline Ints16 byte_of_each(Bytes16 a) {
  const __m512i shifted = kByte == 0 ? a.raw : _mm512_srli_epi32(a.raw, 8 * kByte);
  return {_mm512_and_si512(shifted, _mm512_set1_epi32(255))};
}

inline Ints16 load_ints(const std::uint8_t* from) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)))};
}
inline Ints16 load_ints(const std::int8_t* from) {
  return {_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)))};
}
inline Ints16 low_nibbles(Ints16 a) { return {_mm512_and_si512(a.raw, _mm512_set1_epi32(15))}; }
inline Ints16 high_nibbles(Ints16 a) { return {_mm512_srli_epi32(a.raw, 4)}; }

inline void store_int8(std::int8_t* to, const Vec* parts) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(parts[0].raw)));
}

inline Vec to_vec(Ints16 a, int /*part*/) { return {_mm512_cvtepi32_ps(a.raw)}; }
inline Vec look_up(const float* sixteen, Ints16 index, int /*part*/) {
  return {_mm512_permutexvar_ps(index.raw, _mm512_loadu_ps(sixteen))};
}

}  // namespace
}  // namespace minimax::cpu
