// SPDX-License-Identifier: Apache-2.0
// Matrix products in plain loops.
#include "ops/matmul/matmul_kernels.h"

namespace minimax::ops::reference {
namespace {

float rounded(float x, Precision precision) {
  return precision == Precision::kBFloat16 ? to_float(tensor::to_bfloat16(x)) : x;
}

template <class T>
double dot_row(const float* x, const T* weights, std::int64_t inner, Precision precision) {
  double sum = 0.0;
  for (std::int64_t k = 0; k < inner; ++k) {
    sum += double{rounded(x[k], precision)} * tensor::to_float(weights[k]);
  }
  return sum;
}

}  // namespace

double dot(const float* x, const tensor::Tensor& weight, std::int64_t row, Precision precision) {
  const std::int64_t inner = weight.shape()[1];
  switch (weight.dtype()) {
    case tensor::DType::kBF16:
      return dot_row(x, weight.data<tensor::BFloat16>() + row * inner, inner, precision);
    case tensor::DType::kF16:
      return dot_row(x, weight.data<tensor::Float16>() + row * inner, inner, precision);
    default:
      return dot_row(x, weight.data<float>() + row * inner, inner, precision);
  }
}

void matmul_row(const float* x, const tensor::Tensor& weight, Precision precision, float* out) {
  for (std::int64_t n = 0; n < weight.shape()[0]; ++n) {
    out[n] = static_cast<float>(dot(x, weight, n, precision));
  }
}

}  // namespace minimax::ops::reference
