// SPDX-License-Identifier: Apache-2.0
// Sixteen lanes of four bytes each, and of an integer or a float each, for the kernels that
// multiply quantized weights: lane = row of a panel. One vector with AVX-512, several with the
// others, so that kernels are written once. As with cpu/simd.h, for *_cpu.cc only.
//
// What the header of each instruction set defines:
//   Bytes16 load_bytes(p), store_bytes(p, a)    64 unsigned bytes at any alignment
//   Bytes16 a | b
//   Bytes16 bits<kShift, kMask>(a)       (byte >> kShift) & kMask, to the left where kShift < 0;
//                                        the mask holds no bit that comes from another byte
//   Bytes16 look_up(table, a)            table[byte], of sixteen bytes; bytes below 16
//   Four load_four(p)                    four signed bytes, the same in every lane
//   Ints16 zero_ints()
//   Ints16 add_products(a, four, sums)   sums plus the four products of a lane, exactly; bytes of a
//                                        below 128, those of four above -128
//   Ints16 add_wide_products(...)        the same for any bytes of a, less kWideBias each
//   Ints16 shifted_int<kShift>(p)        *p << kShift, the same in every lane
//   Ints16 byte_of_each<kByte>(a)        that byte of each lane
//   Ints16 load_ints(p)                  sixteen bytes, signed or unsigned
//   Ints16 low_nibbles(a), high_nibbles(a)     of bytes
//   void store_int8(p, parts)            sixteen whole numbers in [-128, 127], as kParts16 Vecs
//   Vec to_vec(a, part)                  lanes [part * L, (part + 1) * L) as floats
//   Vec look_up(table, a, part)          table[lane] of sixteen floats, for the same lanes
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd.h"
#include "tensor/float16.h"

namespace minimax::cpu {
namespace {

constexpr int kParts16 = static_cast<int>(16 / Vec::kLanes);

struct Floats16 {
  Vec part[std::size_t{kParts16}];
};

template <class F>
inline Floats16 make_floats(const F& f) {
  Floats16 made;
  for (int i = 0; i < kParts16; ++i) {
    made.part[i] = f(i);
  }
  return made;
}

inline Floats16 zero_floats() {
  return make_floats([](int) { return zero(); });
}
inline Floats16 broadcast_floats(float value) {
  return make_floats([&](int) { return broadcast(value); });
}
template <class T>
inline Floats16 load_floats(const T* from) {
  return make_floats([&](int i) { return load(from + i * Vec::kLanes); });
}
inline void store_floats(float* to, const Floats16& a) {
  for (int i = 0; i < kParts16; ++i) {
    store(to + i * Vec::kLanes, a.part[i]);
  }
}
/// The first n < 16 elements, zeros after them.
inline Floats16 load_first_floats(const float* from, std::int64_t n) {
  return make_floats([&](int i) {
    const std::int64_t left = n - i * Vec::kLanes;
    return left <= 0             ? zero()
           : left >= Vec::kLanes ? load(from + i * Vec::kLanes)
                                 : load_first(from + i * Vec::kLanes, left);
  });
}
/// The first n < 16 lanes.
inline void store_first_floats(float* to, const Floats16& a, std::int64_t n) {
  for (int i = 0; i < kParts16 && n > 0; ++i, to += Vec::kLanes, n -= Vec::kLanes) {
    n >= Vec::kLanes ? store(to, a.part[i]) : store_first(to, a.part[i], n);
  }
}
inline Floats16 to_floats(const Ints16& a) {
  return make_floats([&](int i) { return to_vec(a, i); });
}
inline Floats16 look_up(const float* sixteen, const Ints16& index) {
  return make_floats([&](int i) { return look_up(sixteen, index, i); });
}
inline Floats16 operator*(const Floats16& a, const Floats16& b) {
  return make_floats([&](int i) { return a.part[i] * b.part[i]; });
}
inline Floats16 operator+(const Floats16& a, const Floats16& b) {
  return make_floats([&](int i) { return a.part[i] + b.part[i]; });
}
inline Floats16 operator-(const Floats16& a, const Floats16& b) {
  return make_floats([&](int i) { return a.part[i] - b.part[i]; });
}
inline Floats16 fma(const Floats16& a, const Floats16& b, const Floats16& c) {
  return make_floats([&](int i) { return fma(a.part[i], b.part[i], c.part[i]); });
}

}  // namespace
}  // namespace minimax::cpu
