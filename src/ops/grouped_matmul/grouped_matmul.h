// SPDX-License-Identifier: Apache-2.0
// Matrix products of row groups, each with the weights of its own expert. Rows are multiplied as
// by ops::matmul, bit for bit where all experts' weights have one type; the weights of experts
// without rows are not read and may have no data.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "quant/matrix.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// The first half of the experts' MLP: row r of expert e becomes
///   out[r] = SiLU(x[token] gate_e^T) * (x[token] up_e^T),  token = pair_of_row[r] / top_k.
struct GroupedGatedMatmulArgs {
  tensor::Tensor x;                     // [T, E] F32, in token order
  std::span<const quant::Matrix> gate;  // [N], each [F, E] of any format (w1)
  std::span<const quant::Matrix> up;    // [N], each [F, E] (w3)
  tensor::Tensor offsets;               // [N + 1] I32
  tensor::Tensor pair_of_row;           // [R] I32
  std::int64_t top_k = 1;
  Precision precision = Precision::kFloat32;
  tensor::Tensor out;  // [R, F] F32
};
void grouped_gated_matmul(const Context& ctx, const GroupedGatedMatmulArgs& args);

/// The second half: out[r] = x[r] weight_e^T.
struct GroupedMatmulArgs {
  tensor::Tensor x;                       // [R, F] F32
  std::span<const quant::Matrix> weight;  // [N], each [E, F] of any format (w2)
  tensor::Tensor offsets;                 // [N + 1] I32
  Precision precision = Precision::kFloat32;
  tensor::Tensor out;  // [R, E] F32; must not overlap x
};
void grouped_matmul(const Context& ctx, const GroupedMatmulArgs& args);

/// The bytes of scratch that either takes for R rows of K.
std::int64_t grouped_matmul_scratch_bytes(Device device, std::int64_t rows, std::int64_t inner);

}  // namespace minimax::ops
