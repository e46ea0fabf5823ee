// SPDX-License-Identifier: Apache-2.0
// The configuration of a model of the MiniMax-01 family, in the vocabulary of config.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace minimax {

/// What a decoder layer attends with.
enum class LayerType {
  kLinearAttention,  ///< lightning attention ("linear_attention", 0 in attn_type_list)
  kFullAttention,    ///< softmax attention ("full_attention", 1 in attn_type_list)
};

/// How the decay of lightning attention follows from head and layer; the published classes differ.
enum class DecaySchedule {
  kMiniMax,   ///< MiniMaxForCausalLM: 2^(-8(h+1)/H), layer factor 1 - i/(L-1+1e-5) + 1e-5
  kOriginal,  ///< MiniMaxText01ForCausalLM, MiniMaxM1ForCausalLM: ALiBi slopes, 1 - i/(L-1) + 1e-5
};

/// What a MiniMaxForSequenceClassification is trained for, and so its loss.
enum class ProblemType { kRegression, kSingleLabelClassification, kMultiLabelClassification };

/// Fields carry the names and defaults of the transformers class MiniMaxConfig; the original
/// dialect of the published checkpoints (attn_type_list, layernorm_*_alpha ...) is translated on
/// reading.
struct MiniMaxConfig {
  std::string architecture;  ///< architectures[0]
  std::int64_t vocab_size = 32000;
  std::int64_t hidden_size = 4096;
  std::int64_t intermediate_size = 14336;  ///< of one expert
  std::int64_t num_hidden_layers = 32;
  std::int64_t num_attention_heads = 32;
  std::int64_t num_key_value_heads = 8;
  std::int64_t head_dim = 0;  ///< 0, before resolved(): hidden_size / num_attention_heads
  std::int64_t num_local_experts = 8;
  std::int64_t num_experts_per_tok = 2;
  std::int64_t shared_intermediate_size = 0;      ///< 0: no shared expert
  std::int64_t max_position_embeddings = 131072;  ///< tokens
  std::int64_t block_size = 256;                  ///< tokens of a lightning attention block
  /// [num_hidden_layers]; empty, before resolved(): softmax and lightning layers in turn
  std::vector<LayerType> layer_types;
  DecaySchedule decay_schedule = DecaySchedule::kMiniMax;

  double rms_norm_eps = 1e-5;
  /// Of the norm behind lightning attention, which the published classes build with this default
  /// and not with rms_norm_eps; llama.cpp takes rms_norm_eps. In no file: see LoadOptions.
  double lightning_norm_eps = 1e-6;
  double rope_theta = 1e6;
  /// Rotated dimensions of a head; even, at most head_dim. 0, before resolved(): head_dim
  std::int64_t rotary_dim = 0;
  bool tie_word_embeddings = false;
  std::optional<std::int64_t> sliding_window;  ///< keys seen by softmax layers, own one included

  double full_attn_alpha_factor = 1.0;
  double full_attn_beta_factor = 1.0;
  double linear_attn_alpha_factor = 1.0;
  double linear_attn_beta_factor = 1.0;
  double mlp_alpha_factor = 1.0;
  double mlp_beta_factor = 1.0;

  double router_jitter_noise = 0.0;  ///< width of the factors that disturb experts in training
  double attention_dropout = 0.0;    ///< of the weights of softmax layers, in training

  std::vector<std::string> id2label = {"LABEL_0", "LABEL_1"};  ///< [num_labels]
  std::optional<ProblemType> problem_type;  ///< unset: follows from num_labels and the labels
  double classifier_dropout = 0.1;          ///< before a token classifier, in training
  bool token_classification_bias = true;
  double initializer_range = 0.02;  ///< standard deviation of weights before training

  bool output_router_logits = false;
  double router_aux_loss_coef = 0.001;

  std::optional<std::int32_t> bos_token_id;
  std::optional<std::int32_t> pad_token_id;
  std::vector<std::int32_t> eos_token_id;

  /// Oddities that do not prevent loading (auto_map, for one), for the caller to show.
  std::vector<std::string> warnings;

  bool operator==(const MiniMaxConfig&) const = default;

  std::int64_t num_labels() const { return static_cast<std::int64_t>(id2label.size()); }

  /// The same with all that is left open filled in as transformers does.
  /// Throws: Error{kInvalidArgument} naming the first field that does not fit.
  MiniMaxConfig resolved() const;

  /// Reads config.json of a model directory, or the metadata of a GGUF file (its path, that of any
  /// of its parts, or of a directory that holds one and no config.json).
  /// Throws: Error{kCorruptFile} naming the field; Error{kUnsupported} for what this library does
  /// not implement (postnorm false, other activations, RoPE scaling, unknown quantization).
  static MiniMaxConfig from_pretrained(const std::filesystem::path& directory);
};

}  // namespace minimax
