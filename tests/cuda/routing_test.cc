// SPDX-License-Identifier: Apache-2.0
// The router and the norms before it on the GPU against the reference device, as ops_test.cc.
#include <cstdint>
#include <limits>
#include <vector>

#include "ops/gated_norm/gated_norm.h"
#include "ops/residual_norm/residual_norm.h"
#include "ops/router/router.h"
#include "tests/cuda/ops_testing.h"

namespace minimax::ops {
namespace {

TEST_P(CudaOps, NormsWithWhatStandsBesideThemAgreeWithTheReference) {
  const testing::Gpu gpu;
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 63}, Shape{17, 2049}, Shape{2, 6144}}) {
    const GuardedTensor a = activations(shape, 1, dtype());
    const GuardedTensor b = activations(shape, 2, dtype());
    const GuardedTensor weight = testing::random_tensor({shape[1]}, 3);
    const GpuTensor gpu_a(*a, dtype());
    const GpuTensor gpu_b(*b, dtype());
    const GpuTensor gpu_weight(*weight);
    const GuardedTensor expected = host_out(shape);
    const GuardedTensor expected_sum = host_out(shape);
    const auto agrees = [&](const GpuTensor& out, const GuardedTensor& as, const char* name) {
      EXPECT_LE(testing::relative_error(out.floats(), as.to_vector()), tolerance())
          << name << shape.to_string();
    };
    const GpuTensor gated(dtype(), shape);
    gated_norm(kReference, {.x = *a, .weight = *weight, .eps = 1e-6, .gate = *b, .out = *expected});
    gated_norm(*gpu,
               {.x = *gpu_a, .weight = *gpu_weight, .eps = 1e-6, .gate = *gpu_b, .out = *gated});
    agrees(gated, expected, "gated_norm");
    const GpuTensor sum(DType::kF32, shape);
    const auto run = [&](const Context& ctx, const Tensor& x, const Tensor& branch,
                         const Tensor& norm, const Tensor& total, const Tensor& out) {
      residual_norm(ctx, {.alpha = 3.5f,
                          .a = x,
                          .beta = -0.75f,
                          .b = branch,
                          .weight = norm,
                          .eps = 1e-5,
                          .sum = total,
                          .out = out});
    };
    run(kReference, *a, *b, *weight, *expected_sum, *expected);
    run(*gpu, *gpu_a, *gpu_b, *gpu_weight, *sum, *gpu_a);  // in place, as models do
    agrees(sum, expected_sum, "sum");
    agrees(gpu_a, expected, "residual_norm");
  }
}

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
