// SPDX-License-Identifier: Apache-2.0
// The memory of one forward pass. T: tokens, E: hidden_size, H: num_attention_heads, KVH:
// num_key_value_heads, D: head_dim, R: rotary_dim, F: intermediate_size, N: num_local_experts, K:
// num_experts_per_tok, S: size of the shared expert. What has no type here is F32, or BF16 where
// the activations are rounded in memory; the indices are I32.
#pragma once

#include <cstdint>

#include "minimax/config.h"
#include "minimax/device.h"
#include "tensor/buffer.h"
#include "tensor/tensor.h"

namespace minimax::model {

struct LightningActivations {
  tensor::Tensor qkv;   // [T, H, 3, D]
  tensor::Tensor gate;  // [T, H * D]
};

struct SoftmaxActivations {
  tensor::Tensor q;  // [T, H, D]
  tensor::Tensor k;  // [T, KVH, D]
  tensor::Tensor v;  // [T, KVH, D]
};

struct MoeActivations {
  tensor::Tensor router_logits;   // [T, N] F32
  tensor::Tensor expert_ids;      // [T, K] I32
  tensor::Tensor expert_weights;  // [T, K] F32
  tensor::Tensor offsets;         // [N + 1] I32
  tensor::Tensor pair_of_row;     // [T * K] I32
  tensor::Tensor row_of_pair;     // [T * K] I32
  tensor::Tensor inner;           // [T * K, F]
  tensor::Tensor rows;            // [T * K, E]
  tensor::Tensor shared_gate;     // [T, S], with a shared expert only
  tensor::Tensor shared_up;       // [T, S]
  tensor::Tensor shared_out;      // [T, E]
  tensor::Tensor coefficient;     // [T, 1] F32
};

/// Buffers that every layer uses in turn. Attention and experts never live at once and share
/// their part of the memory.
struct Activations {
  tensor::Tensor x;         // [T, E] F32, the layer's input and output
  tensor::Tensor residual;  // [T, E], the normed x: the skip path starts after the norm
  tensor::Tensor branch;    // [T, E], what attention or the experts give
  tensor::Tensor cos;       // [T, R / 2] F32
  tensor::Tensor sin;       // [T, R / 2] F32
  tensor::Tensor heads;     // [T, H, D], the attention's output before its projection
  LightningActivations lightning;
  SoftmaxActivations softmax;
  MoeActivations moe;
};

/// How large the buffers are, and of which type.
struct ActivationPlan {
  const MiniMaxConfig& config;
  std::int64_t shared_size = 0;  // of the shared expert; 0: there is none
  std::int64_t tokens = 0;
  tensor::DType dtype = tensor::DType::kF32;  // or BF16, on a GPU
};

/// The buffers for T tokens from `arena`, which is rewound first.
/// Throws: Error{kOutOfMemory} for more tokens than the arena was made for.
Activations activations_for_inference(const ActivationPlan& plan, tensor::Arena& arena);

/// The bytes that activations_for_inference takes.
std::int64_t activation_bytes(const ActivationPlan& plan);

/// The bytes of scratch that the operations of a forward pass take at most.
std::int64_t scratch_bytes(const ActivationPlan& plan, Device device, int threads);

}  // namespace minimax::model
