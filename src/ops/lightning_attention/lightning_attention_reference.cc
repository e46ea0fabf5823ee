// SPDX-License-Identifier: Apache-2.0
// lightning_attention as the recurrence that defines it, in float64. The state is float32 only
// where the caller sees it.
#include <cmath>
#include <vector>

#include "ops/lightning_attention/lightning_attention_kernels.h"

namespace minimax::ops::reference {
namespace {

double silu(float x) { return x / (1.0 + std::exp(-static_cast<double>(x))); }

// S = ratio S + k^T v, out = q S for one token.
void step(const float* qkv, double ratio, std::vector<double>& state, std::vector<double>& sums) {
  const std::size_t dim = sums.size();
  const float* q = qkv;
  const float* k = qkv + dim;
  const float* v = qkv + 2 * dim;
  sums.assign(dim, 0.0);
  std::vector<double> values(dim);
  for (std::size_t j = 0; j < dim; ++j) {
    values[j] = silu(v[j]);
  }
  for (std::size_t i = 0; i < dim; ++i) {
    const double key = silu(k[i]);
    const double query = silu(q[i]);
    for (std::size_t j = 0; j < dim; ++j) {
      double& s = state[i * dim + j];
      s = ratio * s + key * values[j];
      sums[j] += query * s;
    }
  }
}

}  // namespace

void lightning_attention(const LightningHead& head) {
  const double ratio = std::exp(-static_cast<double>(head.decay));
  const std::int64_t elements = head.head_dim * head.head_dim;
  std::vector<double> state(head.state, head.state + elements);
  std::vector<double> sums(static_cast<std::size_t>(head.head_dim));
  for (std::int64_t t = 0; t < head.tokens; ++t) {
    step(head.qkv + t * head.qkv_stride, ratio, state, sums);
    for (std::int64_t j = 0; j < head.head_dim; ++j) {
      head.out[t * head.out_stride + j] = static_cast<float>(sums[static_cast<std::size_t>(j)]);
    }
  }
  for (std::int64_t i = 0; i < elements; ++i) {
    head.state[i] = static_cast<float>(state[static_cast<std::size_t>(i)]);
  }
}

}  // namespace minimax::ops::reference
