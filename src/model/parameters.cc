// SPDX-License-Identifier: Apache-2.0
#include "model/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "model/gguf_names.h"

namespace minimax::model {
namespace {

using quant::Matrix;
using tensor::Shape;

struct Placement {
  Shard shard = Shard::kReplicated;
  Storage storage = Storage::kProjection;
};

constexpr Placement kNorm{Shard::kReplicated, Storage::kFloat32};
constexpr Placement kColumn{Shard::kColumn};
constexpr Placement kRow{Shard::kRow};
constexpr Placement kVocab{Shard::kVocab};

class Table {
 public:
  Table(const MiniMaxConfig& config, Weights& weights) : config_(config), weights_(weights) {}

  std::vector<Parameter> build(HeadKind head) {
    const Shape vocabulary({config_.vocab_size, config_.hidden_size});
    add(kEmbeddingsName, vocabulary, kVocab, &weights_.embeddings);
    weights_.layers.resize(config_.layer_types.size());
    for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
      weights_.layers[i].type = config_.layer_types[i];
      add_layer(fmt::format("model.layers.{}", i), weights_.layers[i]);
    }
    add("model.norm.weight", Shape({config_.hidden_size}), kNorm, &weights_.norm);
    add_head(head);
    for (Parameter& row : rows_) {
      row.gguf = gguf_source(config_, row.published());
    }
    add_names_without_prefix();
    return std::move(rows_);
  }

 private:
  Parameter& add(const std::string& name, const Shape& shape, Placement placement, View view) {
    rows_.push_back({.sources = {{.name = name, .tensor_shape = shape, .shape = shape}},
                     .shard = placement.shard,
                     .storage = placement.storage,
                     .view = view});
    return rows_.back();
  }

  void add_head(HeadKind head) {
    switch (head) {
      case HeadKind::kNone:
        return;
      case HeadKind::kLanguage:
        if (!config_.tie_word_embeddings) {
          add("lm_head.weight", Shape({config_.vocab_size, config_.hidden_size}), kVocab,
              &weights_.head.weight);
        }
        return;
      case HeadKind::kSequenceClassification:
        return add_small_head("score", config_.num_labels(), false);
      case HeadKind::kTokenClassification:
        return add_small_head("score", config_.num_labels(), config_.token_classification_bias);
      case HeadKind::kQuestionAnswering:
        return add_small_head("qa_outputs", 2, true);
    }
  }

  void add_small_head(const std::string& name, std::int64_t columns, bool has_bias) {
    add(name + ".weight", Shape({columns, config_.hidden_size}), kNorm, &weights_.head.weight)
        .may_be_missing = true;
    if (has_bias) {
      add(name + ".bias", Shape({columns}), kNorm, &weights_.head.bias).may_be_missing = true;
    }
  }

  // A base model is saved without the name that it has inside of the models with heads.
  void add_names_without_prefix() {
    constexpr std::string_view kPrefix = "model.";
    for (Parameter& row : rows_) {
      const std::size_t count = row.sources.size();
      for (std::size_t i = 0; i < count; ++i) {
        ParameterSource bare = row.sources[i];
        if (bare.name.starts_with(kPrefix)) {
          bare.name.erase(0, kPrefix.size());
          row.sources.push_back(std::move(bare));
        }
      }
    }
  }

  void add_layer(const std::string& layer, LayerWeights& weights) {
    const Shape hidden({config_.hidden_size});
    add(layer + ".input_layernorm.weight", hidden, kNorm, &weights.attention_norm);
    if (weights.type == LayerType::kLinearAttention) {
      add_lightning(layer + ".self_attn", weights.lightning);
    } else {
      add_softmax(layer + ".self_attn", weights.softmax);
    }
    add(layer + ".post_attention_layernorm.weight", hidden, kNorm, &weights.mlp_norm);
    add_experts(layer, weights.moe);
    if (config_.shared_intermediate_size > 0) {
      add_shared_expert(layer, weights.moe.shared);
    }
  }

  void add_lightning(const std::string& attention, LightningWeights& weights) {
    const std::int64_t width = config_.num_attention_heads * config_.head_dim;
    const std::int64_t hidden = config_.hidden_size;
    add(attention + ".qkv_proj.weight", Shape({3 * width, hidden}), kColumn, &weights.qkv);
    add(attention + ".output_gate.weight", Shape({width, hidden}), kColumn, &weights.gate);
    add(attention + ".norm.weight", Shape({width}), {Shard::kColumn, Storage::kFloat32},
        &weights.norm);
    add(attention + ".out_proj.weight", Shape({hidden, width}), kRow, &weights.out);
  }

  void add_softmax(const std::string& attention, SoftmaxWeights& weights) {
    const std::int64_t width = config_.num_attention_heads * config_.head_dim;
    const std::int64_t kv_width = config_.num_key_value_heads * config_.head_dim;
    const std::int64_t hidden = config_.hidden_size;
    add(attention + ".q_proj.weight", Shape({width, hidden}), kColumn, &weights.q);
    add(attention + ".k_proj.weight", Shape({kv_width, hidden}), kColumn, &weights.k);
    add(attention + ".v_proj.weight", Shape({kv_width, hidden}), kColumn, &weights.v);
    add(attention + ".o_proj.weight", Shape({hidden, width}), kRow, &weights.out);
  }

  void add_experts(const std::string& layer, MoeWeights& weights) {
    const auto experts = static_cast<std::size_t>(config_.num_local_experts);
    const Shape router({config_.num_local_experts, config_.hidden_size});
    add(layer + ".block_sparse_moe.gate.weight", router, kNorm, &weights.router)
        .sources.push_back(
            {.name = layer + ".mlp.gate.weight", .tensor_shape = router, .shape = router});
    weights.experts.resize(experts);
    for (std::size_t e = 0; e < experts; ++e) {
      add_expert(layer, e, weights);
    }
  }

  // transformers from 5 on keeps the experts of a layer in two tensors, gate rows before up rows.
  void add_expert(const std::string& layer, std::size_t expert, MoeWeights& weights) {
    const std::int64_t inner = config_.intermediate_size;
    const std::int64_t hidden = config_.hidden_size;
    const std::int64_t experts = config_.num_local_experts;
    const auto index = static_cast<std::int64_t>(expert);
    const std::string prefix = fmt::format("{}.block_sparse_moe.experts.{}", layer, expert);
    const ParameterSource gate_up{.name = layer + ".mlp.experts.gate_up_proj",
                                  .tensor_shape = Shape({experts, 2 * inner, hidden}),
                                  .shape = Shape({inner, hidden}),
                                  .first_element = index * 2 * inner * hidden};
    add_expert_part(prefix + ".w1.weight", gate_up, weights.experts.gate[expert]);
    ParameterSource up = gate_up;
    up.first_element += inner * hidden;
    add_expert_part(prefix + ".w3.weight", up, weights.experts.up[expert]);
    add_expert_part(prefix + ".w2.weight",
                    {.name = layer + ".mlp.experts.down_proj",
                     .tensor_shape = Shape({experts, hidden, inner}),
                     .shape = Shape({hidden, inner}),
                     .first_element = index * hidden * inner},
                    weights.experts.down[expert]);
  }

  void add_expert_part(const std::string& name, const ParameterSource& fused, Matrix& view) {
    Parameter& row = add(name, fused.shape, {Shard::kExpert}, &view);
    row.sources.push_back(fused);
    row.is_routed_expert = true;
  }

  // The published class sizes this MLP by intermediate_size; others by shared_intermediate_size.
  void add_shared_expert(const std::string& layer, SharedExpertWeights& weights) {
    const std::int64_t hidden = config_.hidden_size;
    const std::int64_t sizes[] = {config_.intermediate_size, config_.shared_intermediate_size};
    const std::string prefix = layer + ".shared_mlp.";
    for (const auto& [name, view] :
         {std::pair("gate_proj.weight", &weights.gate), std::pair("up_proj.weight", &weights.up)}) {
      const Shape other({sizes[1], hidden});
      add(prefix + name, Shape({sizes[0], hidden}), kColumn, view)
          .sources.push_back({.name = prefix + name, .tensor_shape = other, .shape = other});
    }
    const Shape other({hidden, sizes[1]});
    const std::string down = prefix + "down_proj.weight";
    add(down, Shape({hidden, sizes[0]}), kRow, &weights.down)
        .sources.push_back({.name = down, .tensor_shape = other, .shape = other});
    add(layer + ".coefficient.weight", Shape({1, hidden}), kNorm, &weights.coefficient);
  }

  const MiniMaxConfig& config_;
  Weights& weights_;
  std::vector<Parameter> rows_;
};

}  // namespace

Matrix Parameter::weights() const {
  return std::visit([](const auto* place) { return Matrix(*place); }, view);
}

void Parameter::place(const Matrix& weights) const {
  if (auto* const* tensor = std::get_if<tensor::Tensor*>(&view)) {
    **tensor = weights.tensor();
  } else {
    *std::get<Matrix*>(view) = weights;
  }
}

HeadKind head_kind(const MiniMaxConfig& config) {
  constexpr std::array kEndings = {
      std::pair(std::string_view("ForSequenceClassification"), HeadKind::kSequenceClassification),
      std::pair(std::string_view("ForTokenClassification"), HeadKind::kTokenClassification),
      std::pair(std::string_view("ForQuestionAnswering"), HeadKind::kQuestionAnswering),
      std::pair(std::string_view("Model"), HeadKind::kNone)};
  for (const auto& [ending, kind] : kEndings) {
    if (config.architecture.ends_with(ending)) {
      return kind;
    }
  }
  return HeadKind::kLanguage;
}

std::vector<Parameter> parameters(const MiniMaxConfig& config, HeadKind head, Weights& weights) {
  return Table(config, weights).build(head);
}

bool is_ignored_tensor(std::string_view name) {
  constexpr std::array<std::string_view, 5> kEndings = {".slope_rate", ".query_decay", ".key_decay",
                                                        ".diagonal_decay", ".rotary_emb.inv_freq"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace minimax::model
