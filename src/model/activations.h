// SPDX-License-Identifier: Apache-2.0
// The memory of one forward pass. T: tokens, E: hidden_size, H: num_attention_heads, KVH:
// num_key_value_heads, D: head_dim, R: rotary_dim, F: intermediate_size, N: num_local_experts, K:
// num_experts_per_tok, S: size of the shared expert. All F32 but for the indices.
#pragma once

#include <cstdint>

#include "minimax/config.h"
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
  tensor::Tensor router_logits;   // [T, N]
  tensor::Tensor expert_ids;      // [T, K] I32
  tensor::Tensor expert_weights;  // [T, K]
  tensor::Tensor offsets;         // [N + 1] I32
  tensor::Tensor pair_of_row;     // [T * K] I32
  tensor::Tensor row_of_pair;     // [T * K] I32
  tensor::Tensor inner;           // [T * K, F]
  tensor::Tensor rows;            // [T * K, E]
  tensor::Tensor shared_gate;     // [T, S], with a shared expert only
  tensor::Tensor shared_up;       // [T, S]
  tensor::Tensor shared_out;      // [T, E]
  tensor::Tensor coefficient;     // [T, 1]
};

/// Buffers that every layer uses in turn. Attention and experts never live at once and share
/// their part of the memory.
struct Activations {
  tensor::Tensor x;         // [T, E], the layer's input and output
  tensor::Tensor residual;  // [T, E], the normed x: the skip path starts after the norm
  tensor::Tensor branch;    // [T, E], what attention or the experts give
  tensor::Tensor cos;       // [T, R / 2]
  tensor::Tensor sin;       // [T, R / 2]
  tensor::Tensor heads;     // [T, H, D], the attention's output before its projection
  LightningActivations lightning;
  SoftmaxActivations softmax;
  MoeActivations moe;
};

/// The buffers for T tokens from `arena`, which is rewound first.
/// Throws: Error{kOutOfMemory} for more tokens than the arena was made for.
Activations activations_for_inference(const MiniMaxConfig& config, std::int64_t shared_size,
                                      std::int64_t tokens, tensor::Arena& arena);

/// The bytes that activations_for_inference takes.
std::int64_t activation_bytes(const MiniMaxConfig& config, std::int64_t shared_size,
                              std::int64_t tokens);

/// The bytes of scratch that the operations of a forward pass take at most.
std::int64_t scratch_bytes(const MiniMaxConfig& config, std::int64_t shared_size,
                           std::int64_t tokens, int threads);

}  // namespace minimax::model
