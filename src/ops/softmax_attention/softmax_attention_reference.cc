// SPDX-License-Identifier: Apache-2.0
// softmax_attention and kv_cache_append in plain loops with float64 sums.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops/softmax_attention/softmax_attention_kernels.h"
#include "tensor/float16.h"

namespace minimax::ops::reference {
namespace {

using tensor::BFloat16;

void store(const KvPages& cache, std::int64_t token, std::int64_t slot, const float* values) {
  if (is_quantized(cache.dtype)) {
    return encode_row(quantized_row(cache, slot, token), values, cache.head_dim);
  }
  std::byte* page = page_of(cache, token);
  const std::int64_t offset = key_offset(cache, slot, token);
  for (std::int64_t i = 0; i < cache.head_dim; ++i) {
    if (cache.dtype == tensor::DType::kBF16) {
      reinterpret_cast<BFloat16*>(page)[offset + i] = tensor::to_bfloat16(values[i]);
    } else {
      reinterpret_cast<float*>(page)[offset + i] = values[i];
    }
  }
}

double load_code(const KvRow& row, std::int64_t i) {
  if (row.dtype == tensor::DType::kF8E4M3) {
    float scale = 0.0f;
    std::memcpy(&scale, row.scales, sizeof(scale));
    return static_cast<double>(from_e4m3(std::to_integer<std::uint8_t>(row.codes[i]))) * scale;
  }
  BFloat16 scale = {};
  std::memcpy(&scale, row.scales + i / kInt4Group * 2, sizeof(scale));
  const int code = std::to_integer<int>(row.codes[i / 2] >> (i % 2 * 4)) % 16;
  return (code - 8) * static_cast<double>(tensor::to_float(scale));
}

double load(const KvPages& cache, std::int64_t token, std::int64_t slot, std::int64_t i) {
  if (is_quantized(cache.dtype)) {
    return load_code(quantized_row(cache, slot, token), i);
  }
  const std::byte* page = page_of(cache, token);
  const std::int64_t offset = key_offset(cache, slot, token) + i;
  if (cache.dtype == tensor::DType::kBF16) {
    return tensor::to_float(reinterpret_cast<const BFloat16*>(page)[offset]);
  }
  return reinterpret_cast<const float*>(page)[offset];
}

double score(const KvPages& cache, std::int64_t kv_head, std::int64_t token, const float* q) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < cache.head_dim; ++i) {
    sum += q[i] * load(cache, token, kv_head, i);
  }
  return sum / std::sqrt(static_cast<double>(cache.head_dim));
}

// One query head over the keys [first, last].
void attend(const KvPages& cache, std::int64_t kv_head, std::int64_t first, std::int64_t last,
            const float* q, float* out) {
  std::vector<double> weights;
  for (std::int64_t token = first; token <= last; ++token) {
    weights.push_back(score(cache, kv_head, token, q));
  }
  const double largest = *std::max_element(weights.begin(), weights.end());
  double total = 0.0;
  for (double& weight : weights) {
    weight = std::exp(weight - largest);
    total += weight;
  }
  for (std::int64_t i = 0; i < cache.head_dim; ++i) {
    double sum = 0.0;
    for (std::int64_t token = first; token <= last; ++token) {
      sum += weights[static_cast<std::size_t>(token - first)] *
             load(cache, token, cache.kv_heads + kv_head, i);
    }
    out[i] = static_cast<float>(sum / total);
  }
}

}  // namespace

void kv_cache_append(const KvAppend& args) {
  const KvPages& cache = args.cache;
  for (std::int64_t t = 0; t < args.tokens; ++t) {
    const std::int64_t token = args.begin + t;
    for (std::int64_t head = 0; head < cache.kv_heads; ++head) {
      const std::int64_t row = (t * cache.kv_heads + head) * cache.head_dim;
      store(cache, token, head, args.k + row);
      store(cache, token, cache.kv_heads + head, args.v + row);
    }
  }
}

void softmax_attention(const SoftmaxSequence& args) {
  const std::int64_t group = args.heads / args.cache.kv_heads;
  for (std::int64_t t = 0; t < args.tokens; ++t) {
    const std::int64_t last = args.begin + t;
    const std::int64_t first =
        args.sliding_window > 0 ? std::max<std::int64_t>(0, last - args.sliding_window + 1) : 0;
    for (std::int64_t head = 0; head < args.heads; ++head) {
      const std::int64_t row = (t * args.heads + head) * args.cache.head_dim;
      attend(args.cache, head / group, first, last, args.q + row, args.out + row);
    }
  }
}

}  // namespace minimax::ops::reference
