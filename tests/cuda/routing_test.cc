// SPDX-License-Identifier: Apache-2.0
// The router on the GPU against the reference device, as ops_test.cc.
#include <cstdint>
#include <limits>
#include <vector>

#include "ops/router/router.h"
#include "tests/cuda/ops_testing.h"

namespace minimax::ops {
namespace {

TEST_P(CudaOps, RouterChoosesAsTheReference) {
  const testing::Gpu gpu;
  struct Size {
    std::int64_t tokens;
    std::int64_t width;
    std::int64_t experts;
  };
  for (const auto& [tokens, width, experts] : {Size{1, 701, 32},
                                               {3, 6144, 32},
                                               {17, 100, 1},
                                               {63, 701, 32},
                                               {64, 704, 256},
                                               {100, 1, 5},
                                               {513, 701, 3},
                                               {2049, 1056, 37}}) {
    const std::int64_t top_k = std::min<std::int64_t>(experts, 2);
    const GuardedTensor x = activations({tokens, width}, 1, dtype());
    const GuardedTensor weight = testing::random_tensor({experts, width}, 2);
    const GuardedTensor logits = host_out({tokens, experts});
    const GuardedTensor ids(DType::kI32, {tokens, top_k});
    const GuardedTensor weights = host_out({tokens, top_k});
    router(kReference, {*x, *weight, *logits, *ids, *weights});
    const GpuTensor gpu_logits(DType::kF32, {tokens, experts});
    const GpuTensor gpu_ids(DType::kI32, {tokens, top_k});
    const GpuTensor gpu_weights(DType::kF32, {tokens, top_k});
    router(*gpu,
           {*GpuTensor(*x, dtype()), *GpuTensor(*weight), *gpu_logits, *gpu_ids, *gpu_weights});
    EXPECT_LE(testing::relative_error(gpu_logits.floats(), logits.to_vector()), 4e-6) << tokens;
    EXPECT_EQ(gpu_ids.ints(), std::vector<std::int32_t>(ids.ints(), ids.ints() + top_k * tokens));
    EXPECT_LE(testing::relative_error(gpu_weights.floats(), weights.to_vector()), 1e-4);
  }
}

TEST_P(CudaOps, RouterPrefersNumbersAndAmongEqualsTheLowerId) {
  const testing::Gpu gpu;
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  const GuardedTensor x = testing::tensor_of({1, 1}, {1.0f});
  const std::vector<float> logits = {kNaN, 7.0f, -3e38f, 7.0f, -0.0f, 0.0f, kNaN, 9.0f};
  const GuardedTensor weight = testing::tensor_of({8, 1}, logits);
  const GpuTensor gpu_logits(DType::kF32, {1, 8});
  const GpuTensor ids(DType::kI32, {1, 8});
  const GpuTensor weights(DType::kF32, {1, 8});
  router(*gpu, {*GpuTensor(*x, dtype()), *GpuTensor(*weight), *gpu_logits, *ids, *weights});
  EXPECT_EQ(ids.ints(), (std::vector<std::int32_t>{7, 1, 3, 4, 5, 2, 0, 6}));
}

}  // namespace
}  // namespace minimax::ops
