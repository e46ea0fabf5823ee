// SPDX-License-Identifier: Apache-2.0
// Writes config.json.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "minimax/error.h"
#include "model/architectures.h"
#include "model/config.h"

namespace minimax::model {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

// The class of that name, or the first one of the schedule where that class has another schedule.
const ArchitectureRow& architecture_of(const MiniMaxConfig& config) {
  const auto* row =
      std::ranges::find(kArchitectures, config.architecture, &ArchitectureRow::architecture);
  const bool fits = row != kArchitectures.end() && row->decay_schedule == config.decay_schedule;
  if (!fits) {
    row =
        std::ranges::find(kArchitectures, config.decay_schedule, &ArchitectureRow::decay_schedule);
  }
  return *row;
}

template <class Id>
Json id_or_null(const std::optional<Id>& id) {
  return id ? Json(std::int64_t{*id}) : Json();
}

Json end_tokens(const std::vector<std::int32_t>& ids) {
  if (ids.size() == 1) {
    return std::int64_t{ids.front()};
  }
  JsonArray array;
  for (const std::int32_t id : ids) {
    array.emplace_back(std::int64_t{id});
  }
  return ids.empty() ? Json() : Json(std::move(array));
}

void add_layers(const MiniMaxConfig& c, bool original, JsonObject& json) {
  JsonArray layers;
  for (const LayerType type : c.layer_types) {
    const bool is_full = type == LayerType::kFullAttention;
    layers.push_back(original ? Json(is_full ? 1 : 0)
                              : Json(is_full ? "full_attention" : "linear_attention"));
  }
  json.emplace_back(original ? "attn_type_list" : "layer_types", std::move(layers));
  for (const auto& [published, original_name, value] :
       {std::tuple("full_attn_alpha_factor", "layernorm_full_attention_alpha",
                   c.full_attn_alpha_factor),
        std::tuple("full_attn_beta_factor", "layernorm_full_attention_beta",
                   c.full_attn_beta_factor),
        std::tuple("linear_attn_alpha_factor", "layernorm_linear_attention_alpha",
                   c.linear_attn_alpha_factor),
        std::tuple("linear_attn_beta_factor", "layernorm_linear_attention_beta",
                   c.linear_attn_beta_factor),
        std::tuple("mlp_alpha_factor", "layernorm_mlp_alpha", c.mlp_alpha_factor),
        std::tuple("mlp_beta_factor", "layernorm_mlp_beta", c.mlp_beta_factor)}) {
    json.emplace_back(original ? original_name : published, value);
  }
}

// Both ways: rotary_dim is exact, and transformers reads the factor.
void add_rope(const MiniMaxConfig& c, bool original, JsonObject& json) {
  json.emplace_back("rotary_dim", c.rotary_dim);
  if (original) {
    json.emplace_back("rope_theta", c.rope_theta);
    return;
  }
  JsonObject rope{{"rope_theta", c.rope_theta}, {"rope_type", "default"}};
  if (c.rotary_dim != c.head_dim) {
    rope.emplace_back("partial_rotary_factor",
                      static_cast<double>(c.rotary_dim) / static_cast<double>(c.head_dim));
  }
  json.emplace_back("rope_parameters", std::move(rope));
}

std::string_view problem_name(ProblemType type) {
  switch (type) {
    case ProblemType::kRegression:
      return "regression";
    case ProblemType::kSingleLabelClassification:
      return "single_label_classification";
    case ProblemType::kMultiLabelClassification:
      break;
  }
  return "multi_label_classification";
}

void add_heads_on_top(const MiniMaxConfig& c, JsonObject& json) {
  if (c.architecture.ends_with("ForCausalLM")) {
    return;
  }
  JsonObject labels;
  for (std::size_t id = 0; id < c.id2label.size(); ++id) {
    labels.emplace_back(std::to_string(id), c.id2label[id]);
  }
  json.emplace_back("id2label", std::move(labels));
  json.emplace_back("problem_type", c.problem_type ? Json(problem_name(*c.problem_type)) : Json());
  json.emplace_back("token_classification_bias", c.token_classification_bias);
  json.emplace_back("classifier_dropout", c.classifier_dropout);
}

}  // namespace

Json config_to_json(const MiniMaxConfig& config) {
  const MiniMaxConfig c = config.resolved();
  const ArchitectureRow& row = architecture_of(c);
  const bool original = row.decay_schedule == DecaySchedule::kOriginal;
  JsonObject json{{"architectures", JsonArray{row.architecture}},
                  {"model_type", row.model_type},
                  {"vocab_size", c.vocab_size},
                  {"hidden_size", c.hidden_size},
                  {"intermediate_size", c.intermediate_size},
                  {"num_hidden_layers", c.num_hidden_layers},
                  {"num_attention_heads", c.num_attention_heads},
                  {"num_key_value_heads", c.num_key_value_heads},
                  {"head_dim", c.head_dim},
                  {"num_local_experts", c.num_local_experts},
                  {"num_experts_per_tok", c.num_experts_per_tok},
                  {"shared_intermediate_size", c.shared_intermediate_size},
                  {"max_position_embeddings", c.max_position_embeddings},
                  {"block_size", c.block_size},
                  {"hidden_act", "silu"},
                  {"rms_norm_eps", c.rms_norm_eps},
                  {"tie_word_embeddings", c.tie_word_embeddings},
                  {"sliding_window", id_or_null(c.sliding_window)},
                  {"router_jitter_noise", c.router_jitter_noise},
                  {"attention_dropout", c.attention_dropout},
                  {"initializer_range", c.initializer_range},
                  {"output_router_logits", c.output_router_logits},
                  {"router_aux_loss_coef", c.router_aux_loss_coef},
                  {"bos_token_id", id_or_null(c.bos_token_id)},
                  {"eos_token_id", end_tokens(c.eos_token_id)},
                  {"pad_token_id", id_or_null(c.pad_token_id)}};
  if (original) {
    json.emplace_back("postnorm", true);
  }
  add_layers(c, original, json);
  add_rope(c, original, json);
  add_heads_on_top(c, json);
  return json;
}

}  // namespace minimax::model
