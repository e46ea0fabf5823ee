// SPDX-License-Identifier: Apache-2.0
// Product of activations with a weight matrix.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "quant/matrix.h"
#include "tensor/tensor.h"

namespace minimax::ops {

struct MatmulArgs {
  tensor::Tensor x;      // [T, K] F32
  quant::Matrix weight;  // [N, K] of any format
  Precision precision = Precision::kFloat32;
  tensor::Tensor out;  // [T, N] F32; must not overlap x
};

/// out = x * weight^T with float32 sums. Every output element is summed in one fixed order, so
/// the result depends neither on the number of threads nor on T: a decoded row has the bits of the
/// same row in a prompt, in both precisions. It does depend on the instruction set.
/// With kBFloat16, weights are used as they are; AVX-512 takes subnormal numbers for zero where it
/// multiplies BF16 weights.
/// Moves each weight once for up to six rows, and then from the second cache; bound by reading
/// memory for few rows, by multiply-adds from some tens on.
void matmul(const Context& ctx, const MatmulArgs& args);

/// Products of the same rows, one after the other; on a GPU those of few rows with weights that lie
/// next to each other are one launch.
struct JoinedMatmulArgs {
  tensor::Tensor x;                        // [T, K]
  std::span<const quant::Matrix> weights;  // of [N, K] each
  Precision precision = Precision::kFloat32;
  std::span<const tensor::Tensor> outs;  // [T, N] each; must not overlap x
};
/// Throws: as matmul().
void joined_matmul(const Context& ctx, const JoinedMatmulArgs& args);

/// The bytes of scratch that matmul takes for T rows of K at most.
std::int64_t matmul_scratch_bytes(Device device, std::int64_t rows, std::int64_t inner);

}  // namespace minimax::ops
