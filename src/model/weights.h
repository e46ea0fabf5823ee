// SPDX-License-Identifier: Apache-2.0
// The weights of a model as views into one arena, matrices in any format of quant/format.h.
// E: hidden_size, H: num_attention_heads, KVH: num_key_value_heads, D: head_dim,
// F: intermediate_size, N: num_local_experts, V: vocab_size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "minimax/config.h"
#include "quant/matrix.h"
#include "tensor/buffer.h"
#include "tensor/tensor.h"

namespace minimax::model {

struct LightningWeights {
  quant::Matrix qkv;     // [3 * H * D, E]: per head q, k, v
  quant::Matrix gate;    // [H * D, E]
  tensor::Tensor norm;   // [H * D] F32
  quant::Matrix out;     // [E, H * D]
  tensor::Tensor decay;  // [H] F32

  std::span<const float> decays() const {
    return {decay.data<float>(), static_cast<std::size_t>(decay.elements())};
  }
};

struct SoftmaxWeights {
  quant::Matrix q;    // [H * D, E]
  quant::Matrix k;    // [KVH * D, E]
  quant::Matrix v;    // [KVH * D, E]
  quant::Matrix out;  // [E, H * D]
};

/// Beside the routed experts; empty where the model has none. S is the size of its MLP.
struct SharedExpertWeights {
  quant::Matrix gate;          // [S, E]
  quant::Matrix up;            // [S, E]
  quant::Matrix down;          // [E, S]
  tensor::Tensor coefficient;  // [1, E] F32
};

/// The routed experts of a layer. Of a model whose experts are read on demand, those in memory.
struct ExpertWeights {
  std::vector<quant::Matrix> gate;  // [N] of [F, E] (w1)
  std::vector<quant::Matrix> up;    // [N] of [F, E] (w3)
  std::vector<quant::Matrix> down;  // [N] of [E, F] (w2)

  void resize(std::size_t experts) {
    gate.resize(experts);
    up.resize(experts);
    down.resize(experts);
  }
};

struct MoeWeights {
  tensor::Tensor router;  // [N, E] F32
  ExpertWeights experts;
  SharedExpertWeights shared;
};

struct LayerWeights {
  LayerType type = LayerType::kLinearAttention;
  tensor::Tensor attention_norm;  // [E] F32
  LightningWeights lightning;     // where type is kLinearAttention
  SoftmaxWeights softmax;         // where type is kFullAttention
  tensor::Tensor mlp_norm;        // [E] F32
  MoeWeights moe;
};

/// What stands on top of the layers. C columns: the vocabulary, labels, or start and end.
struct HeadWeights {
  quant::Matrix weight;  // [C, E]; empty for a model without a head
  tensor::Tensor bias;   // [C] F32, empty where the head has none
};

struct Weights {
  quant::Matrix embeddings;          // [V, E]
  std::vector<LayerWeights> layers;  // [num_hidden_layers]
  tensor::Tensor norm;               // [E] F32
  HeadWeights head;                  // its weight is the embeddings where they are tied
  tensor::Arena arena;               // owns all of the above
  tensor::Arena host_arena;          // but what stays on the host beside a GPU, pinned
};

}  // namespace minimax::model
