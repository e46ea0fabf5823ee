// SPDX-License-Identifier: Apache-2.0
#include "cpu/simd_test_kernels.h"

#include "cpu/simd.h"

namespace minimax::cpu {
namespace {

template <class From, class To, class F>
void map(const From* a, To* out, std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
    store(out + i, f(load(a + i)));
  }
  if (i < n) {
    store_first(out + i, f(load_first(a + i, n - i)), n - i);
  }
}

}  // namespace

template <Isa>
void exp_array(const float* a, float* out, std::int64_t n) {
  map(a, out, n, [](Vec v) { return exp(v); });
}

template <Isa>
void silu_array(const float* a, float* out, std::int64_t n) {
  map(a, out, n, [](Vec v) { return silu(v); });
}

template <Isa>
void sigmoid_array(const float* a, float* out, std::int64_t n) {
  map(a, out, n, [](Vec v) { return sigmoid(v); });
}

template <Isa>
void widen_array(const tensor::BFloat16* a, float* out, std::int64_t n) {
  map(a, out, n, [](Vec v) { return v; });
}

template <Isa>
void widen_array(const tensor::Float16* a, float* out, std::int64_t n) {
  map(a, out, n, [](Vec v) { return v; });
}

template <Isa>
void narrow_array(const float* a, tensor::BFloat16* out, std::int64_t n) {
  map(a, out, n, [](Vec v) { return v; });
}

template <Isa>
Reductions reduce(const float* a) {
  constexpr std::int64_t kLanes = Vec::kLanes;
  const Vec v[4] = {load(a), load(a + kLanes), load(a + 2 * kLanes), load(a + 3 * kLanes)};
  float sums[4];
  _mm_storeu_ps(sums, sum4(v[0], v[1], v[2], v[3]));
  bool agrees = true;
  for (int i = 0; i < 4; ++i) {
    agrees = agrees && sums[i] == reduce_add(v[i]);
  }
  return {agrees, sums[0], reduce_max(v[0]), kLanes};
}

template void exp_array<kTargetIsa>(const float*, float*, std::int64_t);
template void silu_array<kTargetIsa>(const float*, float*, std::int64_t);
template void sigmoid_array<kTargetIsa>(const float*, float*, std::int64_t);
template void widen_array<kTargetIsa>(const tensor::BFloat16*, float*, std::int64_t);
template void widen_array<kTargetIsa>(const tensor::Float16*, float*, std::int64_t);
template void narrow_array<kTargetIsa>(const float*, tensor::BFloat16*, std::int64_t);
template Reductions reduce<kTargetIsa>(const float*);

}  // namespace minimax::cpu
