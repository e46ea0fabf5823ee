// SPDX-License-Identifier: Apache-2.0
// What the models return. B: rows, T: tokens of a row, E: hidden_size, L: num_hidden_layers, H:
// num_attention_heads, D: head_dim, V: vocab_size. Values at padding are zero.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "minimax/state.h"

namespace minimax {

/// Numbers with a shape, the last dimension running fastest.
struct FloatTensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// What all models can return besides their purpose.
struct ModelOutput {
  std::vector<State> past_key_values;  ///< [B], with use_cache
  /// [L + 1] of [B, T, E]: the embeddings, the output of every layer but the last, and the output
  /// of the final norm.
  std::vector<FloatTensor> hidden_states;
  /// [L]: of softmax layers the weights [B, H, T, S] over the S keys so far, of lightning layers
  /// the states [B, H, D, D] after the last token.
  std::vector<FloatTensor> attentions;
  std::vector<FloatTensor> router_logits;  ///< [L] of [B * T, num_local_experts]
};

struct MoeModelOutputWithPast : ModelOutput {
  FloatTensor last_hidden_state;  ///< [B, T, E]
};

struct MoeCausalLMOutputWithPast : ModelOutput {
  /// The mean cross entropy of every token's successor, labels of -100 and padding left out; plus
  /// router_aux_loss_coef times aux_loss with output_router_logits.
  std::optional<float> loss;
  std::optional<float> aux_loss;  ///< with output_router_logits: how unevenly experts are chosen
  FloatTensor logits;             ///< [B, logits_to_keep or T, V], raw: nothing suppressed
};

struct SequenceClassifierOutputWithPast : ModelOutput {
  std::optional<float> loss;
  FloatTensor logits;  ///< [B, num_labels], of the last token of a row that is not padding
};

struct TokenClassifierOutput : ModelOutput {
  std::optional<float> loss;
  FloatTensor logits;  ///< [B, T, num_labels]
};

struct QuestionAnsweringModelOutput : ModelOutput {
  std::optional<float> loss;
  FloatTensor start_logits;  ///< [B, T]
  FloatTensor end_logits;    ///< [B, T]
};

}  // namespace minimax
