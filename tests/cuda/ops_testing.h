// SPDX-License-Identifier: Apache-2.0
// What the tests of operations on the GPU share: the types of activations, and how far a result may
// be from the reference device's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "ops/context.h"
#include "tensor/float16.h"
#include "tests/support/gpu.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {

using tensor::DType;
using tensor::Shape;
using tensor::Tensor;
using testing::GpuArray;
using testing::GpuTensor;
using testing::GuardedTensor;

inline const Context kReference{};

class CudaOps : public ::testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
      GTEST_SKIP() << missing;
    }
  }
  static DType dtype() { return GetParam(); }
  // A rounding of the output, relative to its largest element; float32 sums of some thousand
  // terms in another order add a few of theirs.
  static double tolerance() { return dtype() == DType::kBF16 ? 0x1p-8 : 4e-6; }
};

// Random activations as they are on a GPU of that type, so that both devices start from the same.
inline GuardedTensor activations(const Shape& shape, std::uint64_t seed, DType dtype) {
  GuardedTensor tensor = testing::random_tensor(shape, seed);
  if (dtype == DType::kBF16) {
    std::transform(tensor.floats(), tensor.floats() + tensor->elements(), tensor.floats(),
                   [](float x) { return tensor::to_float(tensor::to_bfloat16(x)); });
  }
  return tensor;
}

inline GuardedTensor host_out(const Shape& shape) { return {DType::kF32, shape}; }

}  // namespace minimax::ops
