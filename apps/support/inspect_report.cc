// SPDX-License-Identifier: Apache-2.0
#include "support/inspect_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/memory.h"

namespace minimax::apps {
namespace {

std::int64_t count_layers(const MiniMaxConfig& config, LayerType type) {
  return std::ranges::count(config.layer_types, type);
}

base::JsonArray layer_types_json(const MiniMaxConfig& config) {
  base::JsonArray types;
  for (const LayerType type : config.layer_types) {
    types.emplace_back(type == LayerType::kFullAttention ? "full_attention" : "linear_attention");
  }
  return types;
}

base::JsonArray ids_json(const std::vector<std::int32_t>& ids) {
  return base::JsonArray(ids.begin(), ids.end());
}

base::JsonObject config_json(const MiniMaxConfig& config) {
  return {
      {"architecture", config.architecture},
      {"vocab_size", config.vocab_size},
      {"hidden_size", config.hidden_size},
      {"intermediate_size", config.intermediate_size},
      {"num_hidden_layers", config.num_hidden_layers},
      {"num_attention_heads", config.num_attention_heads},
      {"num_key_value_heads", config.num_key_value_heads},
      {"head_dim", config.head_dim},
      {"num_local_experts", config.num_local_experts},
      {"num_experts_per_tok", config.num_experts_per_tok},
      {"shared_intermediate_size", config.shared_intermediate_size},
      {"max_position_embeddings", config.max_position_embeddings},
      {"block_size", config.block_size},
      {"rms_norm_eps", config.rms_norm_eps},
      {"rope_theta", config.rope_theta},
      {"rotary_dim", config.rotary_dim},
      {"tie_word_embeddings", config.tie_word_embeddings},
      {"sliding_window",
       config.sliding_window ? base::Json(*config.sliding_window) : base::Json(nullptr)},
      {"full_attn_alpha_factor", config.full_attn_alpha_factor},
      {"full_attn_beta_factor", config.full_attn_beta_factor},
      {"linear_attn_alpha_factor", config.linear_attn_alpha_factor},
      {"linear_attn_beta_factor", config.linear_attn_beta_factor},
      {"mlp_alpha_factor", config.mlp_alpha_factor},
      {"mlp_beta_factor", config.mlp_beta_factor},
      {"decay_schedule", config.decay_schedule == DecaySchedule::kMiniMax ? "minimax" : "original"},
      {"bos_token_id",
       config.bos_token_id ? base::Json(std::int64_t{*config.bos_token_id}) : base::Json(nullptr)},
      {"eos_token_id", ids_json(config.eos_token_id)},
      {"layer_types", layer_types_json(config)},
  };
}

const char* precision_name(const model::ModelMeasure& measure) {
  return measure.precision == ops::Precision::kBFloat16 ? "bfloat16" : "float32";
}

base::JsonObject memory_json(const MemoryPlan& plan) {
  return {{"context_tokens", plan.context_tokens},
          {"weight_bytes", plan.weights},
          {"lightning_state_bytes", plan.lightning_states},
          {"key_value_bytes", plan.keys_and_values},
          {"workspace_bytes", plan.workspace},
          {"total_bytes", plan.total()},
          {"available_bytes", plan.available},
          {"fits", plan.fits()}};
}

std::vector<std::int64_t> extents(const tensor::Shape& shape) {
  std::vector<std::int64_t> out;
  out.reserve(static_cast<std::size_t>(shape.rank()));
  for (int axis = 0; axis < shape.rank(); ++axis) {
    out.push_back(shape[axis]);
  }
  return out;
}

std::string row(std::string_view name, std::string_view value) {
  return fmt::format("  {:<28} {}\n", name, value);
}

std::string config_text(const MiniMaxConfig& config) {
  std::string text = "Configuration\n";
  for (const auto& [name, value] : config_json(config)) {
    if (name != "layer_types") {
      text +=
          row(name, value.is_string() ? base::printable(value.string()) : base::write_json(value));
    }
  }
  return text + row("layers", fmt::format("{} lightning attention, {} softmax attention",
                                          count_layers(config, LayerType::kLinearAttention),
                                          count_layers(config, LayerType::kFullAttention)));
}

std::string count_text(std::int64_t parameters) {
  const auto count = static_cast<double>(parameters);
  return parameters >= 1'000'000'000 ? fmt::format("{:.2f} billion", count / 1e9)
                                     : fmt::format("{:.2f} million", count / 1e6);
}

std::string tensors_text(const io::Checkpoint& checkpoint) {
  std::map<std::string, std::int64_t, std::less<>> types;
  std::int64_t bytes = 0;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    ++types[std::string(io::type_name(entry))];
    bytes += entry.bytes;
  }
  std::vector<std::string> parts;
  parts.reserve(types.size());
  for (const auto& [type, count] : types) {
    parts.push_back(fmt::format("{} {}", count, type));
  }
  return "Tensors\n" +
         row("tensors", fmt::format("{} ({})", checkpoint.tensors.size(), fmt::join(parts, ", "))) +
         row("files", fmt::format("{}, {}", checkpoint.files.size(), base::format_bytes(bytes)));
}

std::string memory_text(const MemoryPlan& plan) {
  return fmt::format("Memory for a context of {} tokens\n", plan.context_tokens) +
         row("weights", base::format_bytes(plan.weights)) +
         row("lightning states", base::format_bytes(plan.lightning_states)) +
         row("keys and values", base::format_bytes(plan.keys_and_values)) +
         row("workspace, at most", base::format_bytes(plan.workspace)) +
         row("total", base::format_bytes(plan.total())) +
         row("available now", fmt::format("{}: {}", base::format_bytes(plan.available),
                                          plan.fits() ? "fits" : "does not fit"));
}

}  // namespace

base::Json to_json(const Inspection& inspection) {
  const ModelSize& size = inspection.measure.size;
  return base::JsonObject{{"directory", base::printable(inspection.directory.string(), 4096)},
                          {"config", config_json(inspection.config)},
                          {"parameters", base::JsonObject{{"total", size.total_parameters},
                                                          {"active", size.active_parameters}}},
                          {"dtype", precision_name(inspection.measure)},
                          {"weight_bytes", size.weight_bytes},
                          {"active_weight_bytes", size.active_weight_bytes},
                          {"memory", memory_json(inspection.memory)}};
}

std::string to_text(const Inspection& inspection) {
  const ModelSize& size = inspection.measure.size;
  return fmt::format("Model\n{}{}\n{}\nParameters\n{}{}{}\n{}\n{}",
                     row("directory", base::printable(inspection.directory.string(), 4096)),
                     row("computed in", precision_name(inspection.measure)),
                     config_text(inspection.config),
                     row("total", count_text(size.total_parameters)),
                     row("active for a token", count_text(size.active_parameters)),
                     row("read for a token", base::format_bytes(size.active_weight_bytes)),
                     tensors_text(inspection.checkpoint), memory_text(inspection.memory));
}

std::string tensor_table(const io::Checkpoint& checkpoint) {
  std::size_t width = 4;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    width = std::max(width, base::printable(entry.name).size());
  }
  std::string text = fmt::format("{:<{}}  {:<7} {:>14}  {:<20} {}\n", "name", width, "type",
                                 "bytes", "shape", "file");
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    text += fmt::format("{:<{}}  {:<7} {:>14}  {:<20} {}\n", base::printable(entry.name), width,
                        io::type_name(entry), entry.bytes, entry.shape.to_string(),
                        base::printable(checkpoint.file_of(entry).path.filename().string()));
  }
  return text;
}

base::Json tensors_json(const io::Checkpoint& checkpoint) {
  base::JsonArray rows;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    const std::vector<std::int64_t> shape = extents(entry.shape);
    rows.emplace_back(
        base::JsonObject{{"name", entry.name},
                         {"dtype", io::type_name(entry)},
                         {"shape", base::JsonArray(shape.begin(), shape.end())},
                         {"bytes", entry.bytes},
                         {"file", checkpoint.file_of(entry).path.filename().string()}});
  }
  return rows;
}

base::Json suspects_json(const std::vector<SuspectTensor>& suspects) {
  base::JsonArray rows;
  for (const SuspectTensor& suspect : suspects) {
    rows.emplace_back(base::JsonObject{{"name", suspect.name},
                                       {"elements", suspect.counts.elements},
                                       {"nan", suspect.counts.nan},
                                       {"infinite", suspect.counts.infinite},
                                       {"zero", suspect.counts.zero},
                                       {"subnormal", suspect.counts.subnormal}});
  }
  return rows;
}

}  // namespace minimax::apps
