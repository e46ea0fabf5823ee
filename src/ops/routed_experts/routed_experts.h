// SPDX-License-Identifier: Apache-2.0
// The routed experts of a layer, from the router's choice to the weighted sum: the operations that
// they consist of, or where a device has one, a kernel that does all at once.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "quant/matrix.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// T tokens, K choices of N experts a token, E: hidden size, F: inner size.
/// out[t] = sum over k of expert_weights[t, k] * down_e (SiLU(gate_e x[t]) * (up_e x[t])),
/// e = expert_ids[t, k].
struct RoutedExpertsArgs {
  tensor::Tensor x;                     // [T, E]
  tensor::Tensor expert_ids;            // [T, K] I32, those of a token differ
  tensor::Tensor expert_weights;        // [T, K] F32
  std::span<const quant::Matrix> gate;  // [N] of [F, E]
  std::span<const quant::Matrix> up;    // [N] of [F, E]
  std::span<const quant::Matrix> down;  // [N] of [E, F]
  Precision precision = Precision::kFloat32;
  bool keeps_parts = false;    // whether all that follows holds what its name says afterwards
  tensor::Tensor offsets;      // [N + 1] I32
  tensor::Tensor pair_of_row;  // [T * K] I32
  tensor::Tensor row_of_pair;  // [T * K] I32
  tensor::Tensor inner;        // [T * K, F]
  tensor::Tensor rows;         // [T * K, E]
  tensor::Tensor out;          // [T, E]; must not overlap x
};

/// Throws: as moe_permute(), grouped_gated_matmul(), grouped_matmul() and moe_combine().
void routed_experts(const Context& ctx, const RoutedExpertsArgs& args);

/// The most tokens for which reads_chosen_experts() may be true.
inline constexpr std::int64_t kMostChoosingTokens = 64;

/// Whether routed_experts() of these arguments reads the chosen experts alone, each once for up to
/// 32 of its tokens, on a GPU: they may then also lie in pinned memory of the host.
bool reads_chosen_experts(const Context& ctx, const RoutedExpertsArgs& args);

/// The scratch of it on a GPU for experts of that size: of few tokens, or the weights of an expert.
std::int64_t routed_experts_scratch_bytes(std::int64_t hidden, std::int64_t inner);

}  // namespace minimax::ops
