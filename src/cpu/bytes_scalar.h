// SPDX-License-Identifier: Apache-2.0
// Bytes16 and Ints16 for SSE2: four vectors each. cpu/bytes.h has the contract of every function
// here.
#pragma once

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>

#include "cpu/simd_scalar.h"

namespace minimax::cpu {
namespace {

constexpr int kQuarters = 4;

struct Bytes16 {
  __m128i quarter[std::size_t{kQuarters}];
};
struct Ints16 {
  __m128i quarter[std::size_t{kQuarters}];
};
struct Four {
  __m128i raw;  // 16 bits each, twice
};

inline std::int32_t load_int32(const void* from) {
  std::int32_t value;
  __builtin_memcpy(&value, from, sizeof(value));
  return value;
}

template <class To, class F>
inline To for_each_quarter(const F& f) {
  return {{f(0), f(1), f(2), f(3)}};
}

inline Bytes16 load_bytes(const std::uint8_t* from) {
  return for_each_quarter<Bytes16>(
      [&](int q) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + q); });
}
inline void store_bytes(std::uint8_t* to, const Bytes16& a) {
  for (int q = 0; q < kQuarters; ++q) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + q, a.quarter[q]);
  }
}
inline Bytes16 operator|(const Bytes16& a, const Bytes16& b) {
  return for_each_quarter<Bytes16>([&](int q) { return _mm_or_si128(a.quarter[q], b.quarter[q]); });
}

template <int kShift, int kMask>
inline Bytes16 bits(const Bytes16& a) {
  const __m128i mask = _mm_set1_epi8(static_cast<char>(kMask));
  return for_each_quarter<Bytes16>([&](int q) {
    const __m128i shifted = kShift >= 0 ? _mm_srli_epi16(a.quarter[q], kShift >= 0 ? kShift : 0)
                                        : _mm_slli_epi16(a.quarter[q], kShift < 0 ? -kShift : 0);
    return _mm_and_si128(shifted, mask);
  });
}

inline Bytes16 look_up(const std::uint8_t* sixteen, const Bytes16& index) {
  alignas(16) std::uint8_t bytes[std::size_t{64}];
  store_bytes(bytes, index);
  for (std::uint8_t& byte : bytes) {
    byte = sixteen[byte];
  }
  return load_bytes(bytes);
}

inline Four load_four(const std::int8_t* from) {
  const __m128i bytes = _mm_set1_epi32(load_int32(from));
  return {_mm_srai_epi16(_mm_unpacklo_epi8(_mm_setzero_si128(), bytes), 8)};
}

constexpr int kWideBias = 0;

inline Ints16 zero_ints() {
  return for_each_quarter<Ints16>([](int) { return _mm_setzero_si128(); });
}
inline Ints16 add_products(const Bytes16& a, Four b, const Ints16& sums) {
  return for_each_quarter<Ints16>([&](int q) {
    const __m128i zeros = _mm_setzero_si128();
    const __m128i low = _mm_madd_epi16(_mm_unpacklo_epi8(a.quarter[q], zeros), b.raw);
    const __m128i high = _mm_madd_epi16(_mm_unpackhi_epi8(a.quarter[q], zeros), b.raw);
    const __m128 even = _mm_shuffle_ps(_mm_castsi128_ps(low), _mm_castsi128_ps(high), 0x88);
    const __m128 odd = _mm_shuffle_ps(_mm_castsi128_ps(low), _mm_castsi128_ps(high), 0xdd);
    const __m128i products = _mm_add_epi32(_mm_castps_si128(even), _mm_castps_si128(odd));
    return _mm_add_epi32(sums.quarter[q], products);
  });
}
inline Ints16 add_wide_products(const Bytes16& a, Four b, const Ints16& sums) {
  return add_products(a, b, sums);
}

template <int kShift>
inline Ints16 shifted_int(const std::int32_t* from) {
  const __m128i value = _mm_slli_epi32(_mm_set1_epi32(*from), kShift);
  return for_each_quarter<Ints16>([&](int) { return value; });
}

template <int kByte>
inline Ints16 byte_of_each(const Bytes16& a) {
  return for_each_quarter<Ints16>([&](int q) {
    return _mm_and_si128(_mm_srli_epi32(a.quarter[q], 8 * kByte), _mm_set1_epi32(255));
  });
}

template <class Byte>
inline Ints16 widen_bytes(const Byte* from) {
  return for_each_quarter<Ints16>([&](int q) {
    const Byte* at = from + 4 * q;
    return _mm_setr_epi32(at[0], at[1], at[2], at[3]);
  });
}
inline Ints16 load_ints(const std::uint8_t* from) { return widen_bytes(from); }
inline Ints16 load_ints(const std::int8_t* from) { return widen_bytes(from); }
inline Ints16 low_nibbles(const Ints16& a) {
  return for_each_quarter<Ints16>(
      [&](int q) { return _mm_and_si128(a.quarter[q], _mm_set1_epi32(15)); });
}
inline Ints16 high_nibbles(const Ints16& a) {
  return for_each_quarter<Ints16>([&](int q) { return _mm_srli_epi32(a.quarter[q], 4); });
}

inline void store_int8(std::int8_t* to, const Vec* parts) {
  const __m128i low = _mm_packs_epi32(_mm_cvtps_epi32(parts[0].raw), _mm_cvtps_epi32(parts[1].raw));
  const __m128i high =
      _mm_packs_epi32(_mm_cvtps_epi32(parts[2].raw), _mm_cvtps_epi32(parts[3].raw));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_packs_epi16(low, high));
}

inline Vec to_vec(const Ints16& a, int part) { return {_mm_cvtepi32_ps(a.quarter[part])}; }
inline Vec look_up(const float* sixteen, const Ints16& index, int part) {
  alignas(16) std::int32_t at[std::size_t{4}];
  _mm_store_si128(reinterpret_cast<__m128i*>(at), index.quarter[part]);
  return {_mm_setr_ps(sixteen[at[0]], sixteen[at[1]], sixteen[at[2]], sixteen[at[3]])};
}

}  // namespace
}  // namespace minimax::cpu
