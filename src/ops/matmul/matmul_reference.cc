// SPDX-License-Identifier: Apache-2.0
// Matrix products in plain loops.
#include "ops/matmul/matmul_kernels.h"

namespace minimax::ops::reference {
namespace {

float weight_element(const tensor::Tensor& weight, std::int64_t index) {
  switch (weight.dtype()) {
    case tensor::DType::kBF16:
      return to_float(weight.data<tensor::BFloat16>()[index]);
    case tensor::DType::kF16:
      return to_float(weight.data<tensor::Float16>()[index]);
    default:
      return weight.data<float>()[index];
  }
}

float rounded(float x, Precision precision) {
  return precision == Precision::kBFloat16 ? to_float(tensor::to_bfloat16(x)) : x;
}

}  // namespace

double dot(const float* x, const tensor::Tensor& weight, std::int64_t row, Precision precision) {
  const std::int64_t inner = weight.shape()[1];
  double sum = 0.0;
  for (std::int64_t k = 0; k < inner; ++k) {
    sum += double{rounded(x[k], precision)} * weight_element(weight, row * inner + k);
  }
  return sum;
}

}  // namespace minimax::ops::reference
