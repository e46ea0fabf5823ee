// SPDX-License-Identifier: Apache-2.0
// eager_attention in plain loops with float64 sums.
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/eager_attention/eager_attention_kernels.h"
#include "tensor/float16.h"

namespace minimax::ops::reference {
namespace {

double load(const KvPages& cache, std::int64_t token, std::int64_t offset) {
  const std::byte* page = page_of(cache, token);
  if (cache.dtype == tensor::DType::kBF16) {
    return tensor::to_float(reinterpret_cast<const tensor::BFloat16*>(page)[offset]);
  }
  return reinterpret_cast<const float*>(page)[offset];
}

void weigh(const KvPages& cache, std::int64_t kv_head, const EagerRow& row) {
  std::vector<double> weights;
  for (std::int64_t key = row.first; key < row.end; ++key) {
    double product = 0.0;
    for (std::int64_t i = 0; i < cache.head_dim; ++i) {
      product += row.q[i] * load(cache, key, key_offset(cache, kv_head, key) + i);
    }
    weights.push_back(product / std::sqrt(static_cast<double>(cache.head_dim)));
  }
  const double largest = *std::max_element(weights.begin(), weights.end());
  double total = 0.0;
  for (double& weight : weights) {
    weight = std::exp(weight - largest);
    total += weight;
  }
  std::transform(weights.begin(), weights.end(), row.weights + row.first,
                 [&](double weight) { return static_cast<float>(weight / total); });
}

void add_values(const KvPages& cache, std::int64_t kv_head, const EagerRow& row) {
  for (std::int64_t i = 0; i < cache.head_dim; ++i) {
    double sum = 0.0;
    for (std::int64_t key = row.first; key < row.end; ++key) {
      sum += row.weights[key] * load(cache, key, value_offset(cache, kv_head, key) + i);
    }
    row.out[i] = static_cast<float>(sum);
  }
}

}  // namespace

void eager_attention(const EagerSequence& args) {
  const SoftmaxSequence& s = args.sequence;
  for (std::int64_t r = 0; r < s.heads * s.tokens; ++r) {
    const EagerRow row = eager_row(args, r);
    const std::int64_t kv_head = row.head / (s.heads / s.cache.kv_heads);
    std::fill(row.weights, row.weights + s.begin + s.tokens, 0.0f);
    weigh(s.cache, kv_head, row);
    drop_weights(args.dropout, row);
    add_values(s.cache, kv_head, row);
  }
}

}  // namespace minimax::ops::reference
