// SPDX-License-Identifier: Apache-2.0
// Matrix products in plain loops.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "ops/matmul/matmul_kernels.h"

namespace minimax::ops::reference {
namespace {

using Row = std::vector<float>;

void round_to_bfloat16(Row& x) {
  for (float& value : x) {
    value = to_float(tensor::to_bfloat16(value));
  }
}

void round_to_int8(Row& x) {
  for (std::size_t begin = 0; begin < x.size(); begin += kInt8GroupElements) {
    const std::size_t count = std::min<std::size_t>(kInt8GroupElements, x.size() - begin);
    const std::span<float> group = std::span(x).subspan(begin, count);
    float largest = 0.0f;
    for (const float value : group) {
      largest = std::max(largest, std::abs(value));
    }
    // Groups of next to nothing count as zeros: the inverse of their scale would be infinite.
    const float inverse = largest < kInt8SmallestMagnitude ? 0.0f : 127.0f / largest;
    for (float& value : group) {
      value = largest / 127.0f * std::nearbyint(value * inverse);
    }
  }
}

// The activations as the product takes them.
Row rounded(const float* x, const quant::Matrix& weight, Precision precision) {
  Row row(x, x + weight.shape()[1]);
  if (precision == Precision::kBFloat16) {
    weight.is_plain() ? round_to_bfloat16(row) : round_to_int8(row);
  }
  return row;
}

}  // namespace

void matmul_row(const float* x, const quant::Matrix& weight, Precision precision, float* out) {
  const Row activations = rounded(x, weight, precision);
  Row weights(activations.size());
  for (std::int64_t n = 0; n < weight.shape()[0]; ++n) {
    quant::decode_row(weight, n, weights);
    double sum = 0.0;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      sum += double{activations[k]} * weights[k];
    }
    out[n] = static_cast<float>(sum);
  }
}

}  // namespace minimax::ops::reference
