// SPDX-License-Identifier: Apache-2.0
// A small vector of float, Vec, for the kernels in *_cpu.cc. Everything is in an anonymous
// namespace, and kernels use nothing inline from elsewhere (no std containers, algorithms or
// <cmath>): an inline function compiled here with wide instructions could otherwise become, at
// link time, the copy that baseline code calls on a processor without them.
//
// What the header of each instruction set defines (L = Vec::kLanes; T is float, BFloat16 or
// Float16 when loaded, float or BFloat16 when stored, rounded to nearest even):
//   Isa kTargetIsa                       the instruction set of this translation unit
//   Vec zero(), broadcast(float)
//   Vec load(const T*)                   L elements, at any alignment
//   Vec load_first(const T*, n)          n < L elements, zeros after them; reads no further
//   void store(T*, Vec), store_first(T*, Vec, n)
//   Vec + - * /, sqrt(a)                 rounded as in scalar code
//   Vec fma(a, b, c)                     a * b + c, rounded once where the machine can
//   Vec max(a, b), min(a, b)             b where either is NaN
//   Vec round(a)                         to the nearest whole number; |a| < 2^31
//   Vec scale_by_power_of_2(a, n)        a * 2^n for whole n in [-252, 254]
//   float reduce_add(a), reduce_max(a)   over the lanes; the order of the sum is fixed
//   __m128 sum4(a, b, c, d)              the four reduce_add, bit for bit
//   bool kHasBFloat16Products            whether the machine multiplies bfloat16; only then is
//   BFloat16Vec defined                  kLanes = 2 L elements
//     load(p), load_first(p, n)          as those of Vec
//     Vec add_products(a, b, sums)       sums plus the products of two elements a lane; subnormal
//                                        numbers count as zero
//   bool kHasInt8Products                whether the machine multiplies bytes; only then are
//   Int8Vec, Int32Vec defined            4 L bytes, and L sums
//     Int8Vec broadcast(byte)
//     Int32Vec zero(), +
//     Int32Vec add_products(a, b, sums)  sums plus the products of four elements a lane; a is taken
//                                        as unsigned, b as signed; exact
//     std::int32_t reduce_add(a)         over the lanes
#pragma once

#include <cstdint>

#include "cpu/target_isa.h"

namespace minimax::cpu {
namespace {

/// e^a. The relative error is below 2^-22; overflows to infinity, underflows through the
/// subnormal numbers to zero, keeps NaN.
/// Source: Cody and Waite 1980, chapter 6, for the reduction; the polynomial is the Taylor series
/// to degree 7, whose remainder on [-ln 2 / 2, ln 2 / 2] is 5e-9.
inline Vec exp(Vec a) {
  const Vec clamped = min(broadcast(90.0f), max(broadcast(-110.0f), a));
  const Vec n = round(clamped * broadcast(1.44269504f));
  const Vec high = fma(n, broadcast(-0.693359375f), clamped);  // exact: 9 bits times 8 bits
  const Vec r = fma(n, broadcast(2.12194440e-4f), high);
  Vec p = broadcast(1.0f / 5040);
  p = fma(p, r, broadcast(1.0f / 720));
  p = fma(p, r, broadcast(1.0f / 120));
  p = fma(p, r, broadcast(1.0f / 24));
  p = fma(p, r, broadcast(1.0f / 6));
  p = fma(p, r, broadcast(0.5f));
  p = fma(p, r * r, r);
  return scale_by_power_of_2(p + broadcast(1.0f), n);
}

/// 1 / (1 + e^-a).
inline Vec sigmoid(Vec a) { return broadcast(1.0f) / (broadcast(1.0f) + exp(zero() - a)); }

/// a / (1 + e^-a).
inline Vec silu(Vec a) { return a / (broadcast(1.0f) + exp(zero() - a)); }

}  // namespace
}  // namespace minimax::cpu
