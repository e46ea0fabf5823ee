// SPDX-License-Identifier: Apache-2.0
// What simd_test.cc checks of cpu/simd.h, once per instruction set.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "tensor/float16.h"

namespace minimax::cpu {

/// Element functions over [n], by full vectors and one tail.
template <Isa>
void exp_array(const float* a, float* out, std::int64_t n);
template <Isa>
void silu_array(const float* a, float* out, std::int64_t n);
template <Isa>
void sigmoid_array(const float* a, float* out, std::int64_t n);

/// Conversions over [n], by full vectors and one tail.
template <Isa>
void widen_array(const tensor::BFloat16* a, float* out, std::int64_t n);
template <Isa>
void widen_array(const tensor::Float16* a, float* out, std::int64_t n);
template <Isa>
void narrow_array(const float* a, tensor::BFloat16* out, std::int64_t n);

/// Whether reduce_add(a[i]) equals lane i of sum4 bit for bit, for four vectors at `a`; `sum` is
/// the first, `largest` its reduce_max, over `lanes` elements.
struct Reductions {
  bool sum4_agrees;
  float sum;
  float largest;
  std::int64_t lanes;
};
template <Isa>
Reductions reduce(const float* a);

}  // namespace minimax::cpu
