// SPDX-License-Identifier: Apache-2.0
// Bytes16 and Ints16 for AVX2: two vectors each. cpu/bytes.h has the contract of every function
// here. The products of bytes are those of products_avx2.h or products_avx2_vnni.h, which
// cpu/target_isa.h includes before.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "cpu/simd_avx2.h"

namespace minimax::cpu {
namespace {

struct Bytes16 {
  __m256i low;
  __m256i high;
};
struct Ints16 {
  __m256i low;
  __m256i high;
};
struct Four {
  __m256i raw;
};

inline std::int32_t load_int32(const void* from) {
  std::int32_t value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}

inline Bytes16 load_bytes(const std::uint8_t* from) {
  const auto* at = reinterpret_cast<const __m256i*>(from);
  return {_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)};
}
inline void store_bytes(std::uint8_t* to, Bytes16 a) {
  auto* at = reinterpret_cast<__m256i*>(to);
  _mm256_storeu_si256(at, a.low);
  _mm256_storeu_si256(at + 1, a.high);
}
inline Bytes16 operator|(Bytes16 a, Bytes16 b) {
  return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}

template <int kShift>
inline __m256i shifted(__m256i a) {
  if constexpr (kShift > 0) {
    return _mm256_srli_epi16(a, kShift);
  } else if constexpr (kShift < 0) {
    return _mm256_slli_epi16(a, -kShift);
  }
  return a;
}
template <int kShift, int kMask>
inline Bytes16 bits(Bytes16 a) {
  const __m256i mask = _mm256_set1_epi8(static_cast<char>(kMask));
  return {_mm256_and_si256(shifted<kShift>(a.low), mask),
          _mm256_and_si256(shifted<kShift>(a.high), mask)};
}

inline Bytes16 look_up(const std::uint8_t* sixteen, Bytes16 index) {
  const __m256i table =
      _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(sixteen)));
  return {_mm256_shuffle_epi8(table, index.low), _mm256_shuffle_epi8(table, index.high)};
}

inline Four load_four(const std::int8_t* from) { return {_mm256_set1_epi32(load_int32(from))}; }

inline Ints16 zero_ints() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline Ints16 add_products(Bytes16 a, Four b, Ints16 sums) {
  return {add_byte_products(a.low, b.raw, sums.low), add_byte_products(a.high, b.raw, sums.high)};
}
inline Ints16 add_wide_products(Bytes16 a, Four b, Ints16 sums) {
  return {add_wide_byte_products(a.low, b.raw, sums.low),
          add_wide_byte_products(a.high, b.raw, sums.high)};
}

template <int kShift>
inline Ints16 shifted_int(const std::int32_t* from) {
  const __m256i value = _mm256_slli_epi32(_mm256_set1_epi32(*from), kShift);
  return {value, value};
}

template <int kByte>
inline Ints16 byte_of_each(Bytes16 a) {
  const __m256i mask = _mm256_set1_epi32(255);
  return {_mm256_and_si256(_mm256_srli_epi32(a.low, 8 * kByte), mask),
          _mm256_and_si256(_mm256_srli_epi32(a.high, 8 * kByte), mask)};
}

inline Ints16 load_ints(const std::uint8_t* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(bytes, bytes))};
}
inline Ints16 load_ints(const std::int8_t* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return {_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes))};
}
inline Ints16 low_nibbles(Ints16 a) {
  const __m256i mask = _mm256_set1_epi32(15);
  return {_mm256_and_si256(a.low, mask), _mm256_and_si256(a.high, mask)};
}
inline Ints16 high_nibbles(Ints16 a) {
  return {_mm256_srli_epi32(a.low, 4), _mm256_srli_epi32(a.high, 4)};
}

// Packing works in halves of 128 bits, so that the quarters come out as 0, 2, 1, 3.
inline void store_int8(std::int8_t* to, const Vec* parts) {
  const __m256i words =
      _mm256_packs_epi32(_mm256_cvtps_epi32(parts[0].raw), _mm256_cvtps_epi32(parts[1].raw));
  const __m256i in_order = _mm256_permute4x64_epi64(words, 0xd8);
  _mm_storeu_si128(
      reinterpret_cast<__m128i*>(to),
      _mm_packs_epi16(_mm256_castsi256_si128(in_order), _mm256_extracti128_si256(in_order, 1)));
}

inline Vec to_vec(Ints16 a, int part) { return {_mm256_cvtepi32_ps(part == 0 ? a.low : a.high)}; }
inline Vec look_up(const float* sixteen, Ints16 index, int part) {
  return {_mm256_i32gather_ps(sixteen, part == 0 ? index.low : index.high, 4)};
}

}  // namespace
}  // namespace minimax::cpu
