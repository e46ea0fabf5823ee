// SPDX-License-Identifier: Apache-2.0
// Reads config.json. Both dialects of the family end here: the rest of the library knows only the
// names of MiniMaxConfig.
#include "model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "io/gguf.h"
#include "io/model_files.h"
#include "model/architectures.h"
#include "model/config_limits.h"
#include "model/gguf_config.h"

namespace minimax {
namespace {

using base::JsonView;
using model::ArchitectureRow;
using model::kArchitectures;
using model::kMaxBlockSize;
using model::kMaxExtent;
using model::kMaxHeads;
using model::kMaxLayers;
using model::kMaxPositions;

[[noreturn]] void fail_unsupported(const JsonView& view, std::string_view expected) {
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}: {}: this version supports {}, found {}", view.source(),
                          view.pointer(), expected, base::write_json(view.value())));
}

[[noreturn]] void fail_field(const JsonView& root, std::string_view field, std::string_view what) {
  throw Error(ErrorCode::kCorruptFile, fmt::format("{}: /{}: {}", root.source(), field, what));
}

bool names_architecture(const JsonView& root, const ArchitectureRow& row) {
  if (const auto architectures = root.get("architectures")) {
    const std::vector<JsonView> names = architectures->elements();
    return !names.empty() && names[0].as_string() == row.architecture;
  }
  const auto model_type = root.get("model_type");
  return model_type && model_type->as_string() == row.model_type;
}

void read_architecture(const JsonView& root, MiniMaxConfig& config) {
  const auto row = std::find_if(
      kArchitectures.begin(), kArchitectures.end(),
      [&](const ArchitectureRow& candidate) { return names_architecture(root, candidate); });
  if (row == kArchitectures.end()) {
    const auto architectures = root.get("architectures");
    fail_unsupported(
        architectures ? *architectures : root.require("model_type"),
        "MiniMaxForCausalLM, MiniMaxText01ForCausalLM, MiniMaxM1ForCausalLM and the models "
        "of MiniMax with other heads");
  }
  config.architecture = row->architecture;
  config.decay_schedule = row->decay_schedule;
}

std::int64_t require_extent(const JsonView& root, std::string_view key,
                            std::int64_t max = kMaxExtent) {
  return root.require(key).as_integer(1, max);
}

void read_heads(const JsonView& root, MiniMaxConfig& config) {
  config.num_attention_heads = require_extent(root, "num_attention_heads", kMaxHeads);
  config.num_key_value_heads = require_extent(root, "num_key_value_heads", kMaxHeads);
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    fail_field(root, "num_key_value_heads",
               fmt::format("expected a divisor of num_attention_heads = {}, found {}",
                           config.num_attention_heads, config.num_key_value_heads));
  }
  if (const auto head_dim = root.get("head_dim")) {
    config.head_dim = head_dim->as_integer(1, kMaxHeads);
    return;
  }
  if (config.hidden_size % config.num_attention_heads != 0) {
    fail_field(root, "head_dim", "missing, and hidden_size is no multiple of num_attention_heads");
  }
  config.head_dim = config.hidden_size / config.num_attention_heads;
}

void read_sizes(const JsonView& root, MiniMaxConfig& config) {
  config.vocab_size = require_extent(root, "vocab_size");
  config.hidden_size = require_extent(root, "hidden_size");
  config.intermediate_size = require_extent(root, "intermediate_size");
  config.num_hidden_layers = require_extent(root, "num_hidden_layers", kMaxLayers);
  config.num_local_experts = require_extent(root, "num_local_experts", kMaxHeads);
  config.num_experts_per_tok =
      root.require("num_experts_per_tok").as_integer(1, config.num_local_experts);
  if (const auto block_size = root.get("block_size")) {
    config.block_size = block_size->as_integer(1, kMaxBlockSize);
  }
  const auto positions = root.get("max_position_embeddings");
  config.max_position_embeddings = positions ? positions->as_integer(1, kMaxPositions) : 1LL << 20;
  if (const auto window = root.get("sliding_window")) {
    config.sliding_window = window->as_integer(1, kMaxPositions);
  }
}

// A number, or a list with one number for each layer (as in MiniMax-VL-01), all equal.
std::int64_t shared_expert_size(const JsonView& size) {
  if (!size.value().is_array()) {
    return size.as_integer(0, kMaxExtent);
  }
  std::optional<std::int64_t> common;
  for (const JsonView& element : size.elements()) {
    const std::int64_t value = element.as_integer(0, kMaxExtent);
    if (common.value_or(value) != value) {
      fail_unsupported(size, "one size for all layers");
    }
    common = value;
  }
  return common.value_or(0);
}

void read_shared_expert(const JsonView& root, MiniMaxConfig& config) {
  if (const auto size = root.get("shared_intermediate_size")) {
    config.shared_intermediate_size = shared_expert_size(*size);
  }
  const auto mode = root.get("shared_moe_mode");
  if (config.shared_intermediate_size > 0 && mode && mode->as_string() != "sigmoid") {
    fail_unsupported(*mode, "\"sigmoid\"");
  }
}

LayerType layer_type_from_name(const JsonView& element) {
  if (element.as_string() == "linear_attention") {
    return LayerType::kLinearAttention;
  }
  if (element.as_string() != "full_attention") {
    element.fail_expected("\"linear_attention\" or \"full_attention\"");
  }
  return LayerType::kFullAttention;
}

LayerType layer_type_from_number(const JsonView& element) {
  return element.as_integer(0, 1) == 0 ? LayerType::kLinearAttention : LayerType::kFullAttention;
}

void read_layer_types(const JsonView& root, MiniMaxConfig& config) {
  const auto names = root.get("layer_types");
  const JsonView list = names ? *names : root.require("attn_type_list");
  for (const JsonView& element : list.elements()) {
    config.layer_types.push_back(names ? layer_type_from_name(element)
                                       : layer_type_from_number(element));
  }
  if (static_cast<std::int64_t>(config.layer_types.size()) != config.num_hidden_layers) {
    fail_field(root, list.pointer().substr(1),
               fmt::format("expected one entry for each of the {} layers, found {}",
                           config.num_hidden_layers, config.layer_types.size()));
  }
}

void read_residual_factors(const JsonView& root, MiniMaxConfig& config) {
  struct Row {
    const char* name;
    const char* original_name;
    double* field;
  };
  const std::array rows = {
      Row{"full_attn_alpha_factor", "layernorm_full_attention_alpha",
          &config.full_attn_alpha_factor},
      Row{"full_attn_beta_factor", "layernorm_full_attention_beta", &config.full_attn_beta_factor},
      Row{"linear_attn_alpha_factor", "layernorm_linear_attention_alpha",
          &config.linear_attn_alpha_factor},
      Row{"linear_attn_beta_factor", "layernorm_linear_attention_beta",
          &config.linear_attn_beta_factor},
      Row{"mlp_alpha_factor", "layernorm_mlp_alpha", &config.mlp_alpha_factor},
      Row{"mlp_beta_factor", "layernorm_mlp_beta", &config.mlp_beta_factor},
  };
  const bool original = !root.get("layer_types");
  for (const Row& row : rows) {
    const auto value = root.get(row.name);
    *row.field = value ? value->as_finite()
                       : root.require(original ? row.original_name : row.name).as_finite();
  }
}

void refuse_rope_scaling(const JsonView& root) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const auto scaling = root.get(key);
    for (const char* type_key : {"rope_type", "type"}) {
      const auto type = scaling ? scaling->get(type_key) : std::nullopt;
      if (type && type->as_string() != "default") {
        fail_unsupported(*type, "\"default\"");
      }
    }
  }
}

// `key` in rope_parameters (transformers from 5 on), or at the top.
std::optional<JsonView> rope_parameter(const JsonView& root, std::string_view key) {
  const auto parameters = root.get("rope_parameters");
  const auto nested = parameters ? parameters->get(key) : std::nullopt;
  return nested ? nested : root.get(key);
}

void read_rope(const JsonView& root, MiniMaxConfig& config) {
  const auto nested_theta = rope_parameter(root, "rope_theta");
  const JsonView theta = nested_theta ? *nested_theta : root.require("rope_theta");
  config.rope_theta = theta.as_finite();
  if (config.rope_theta <= 0) {
    theta.fail_expected("a number above 0");
  }
  config.rotary_dim = config.head_dim;
  if (const auto rotary_dim = root.get("rotary_dim")) {
    config.rotary_dim = rotary_dim->as_integer(2, config.head_dim);
  } else if (const auto factor = rope_parameter(root, "partial_rotary_factor")) {
    if (!(factor->as_finite() > 0 && factor->as_finite() <= 1)) {
      factor->fail_expected("a number above 0 and up to 1");
    }
    config.rotary_dim =
        static_cast<std::int64_t>(static_cast<double>(config.head_dim) * factor->as_finite());
  }
  if (config.rotary_dim < 2 || config.rotary_dim % 2 != 0) {
    fail_field(root, "rotary_dim",
               fmt::format("expected an even number from 2 to head_dim = {}, found {}",
                           config.head_dim, config.rotary_dim));
  }
}

constexpr std::int64_t kMaxLabels = 1 << 20;

// {"0": name, "1": name ...}, in any order.
std::vector<std::string> read_labels(const JsonView& names) {
  const auto& object = names.as_object();
  std::vector<std::string> labels;
  for (std::size_t id = 0; id < object.size(); ++id) {
    labels.push_back(names.require(std::to_string(id)).as_string());
  }
  if (labels.empty() || labels.size() > static_cast<std::size_t>(kMaxLabels)) {
    names.fail_expected(fmt::format("1 to {} labels", kMaxLabels));
  }
  return labels;
}

ProblemType read_problem_type(const JsonView& name) {
  constexpr std::array kNames = {
      std::pair(std::string_view("regression"), ProblemType::kRegression),
      std::pair(std::string_view("single_label_classification"),
                ProblemType::kSingleLabelClassification),
      std::pair(std::string_view("multi_label_classification"),
                ProblemType::kMultiLabelClassification)};
  for (const auto& [known, type] : kNames) {
    if (name.as_string() == known) {
      return type;
    }
  }
  name.fail_expected(
      "\"regression\", \"single_label_classification\" or \"multi_label_classification\"");
}

// A probability; the last of `keys` that is present counts.
void read_dropout(const JsonView& root, std::initializer_list<const char*> keys, double& field) {
  for (const char* key : keys) {
    if (const auto value = root.get(key)) {
      field = value->as_finite();
      if (field < 0 || field >= 1) {
        value->fail_expected("a number from 0 and below 1");
      }
    }
  }
}

void read_heads_on_top(const JsonView& root, MiniMaxConfig& config) {
  if (const auto names = root.get("id2label")) {
    config.id2label = read_labels(*names);
  } else if (const auto count = root.get("num_labels")) {
    config.id2label.clear();
    for (std::int64_t id = 0; id < count->as_integer(1, kMaxLabels); ++id) {
      config.id2label.push_back(fmt::format("LABEL_{}", id));
    }
  }
  if (const auto type = root.get("problem_type")) {
    config.problem_type = read_problem_type(*type);
  }
  if (const auto bias = root.get("token_classification_bias")) {
    config.token_classification_bias = bias->as_bool();
  }
  read_dropout(root, {"hidden_dropout", "classifier_dropout"}, config.classifier_dropout);
}

void read_training(const JsonView& root, MiniMaxConfig& config) {
  read_dropout(root, {"attention_dropout"}, config.attention_dropout);
  read_dropout(root, {"router_jitter_noise"}, config.router_jitter_noise);
  if (const auto range = root.get("initializer_range")) {
    config.initializer_range = range->as_finite();
    if (config.initializer_range < 0) {
      range->fail_expected("a number from 0");
    }
  }
}

void read_options(const JsonView& root, MiniMaxConfig& config) {
  if (const auto eps = root.get("rms_norm_eps")) {
    config.rms_norm_eps = eps->as_finite();
    if (config.rms_norm_eps < 0) {
      eps->fail_expected("a number from 0");
    }
  }
  if (const auto tie = root.get("tie_word_embeddings")) {
    config.tie_word_embeddings = tie->as_bool();
  }
  if (const auto output = root.get("output_router_logits")) {
    config.output_router_logits = output->as_bool();
  }
  if (const auto coefficient = root.get("router_aux_loss_coef")) {
    config.router_aux_loss_coef = coefficient->as_finite();
  }
}

// What is quantized and how is written in the files of the weights; this only names the method.
void check_quantization(const JsonView& quantization) {
  const JsonView method = quantization.require("quant_method");
  if (method.as_string() == "bitsandbytes" || method.as_string() == "fp8" ||
      method.as_string() == "compressed-tensors") {
    return;
  }
  if (method.as_string() != "minimax") {
    fail_unsupported(method, "\"minimax\", \"bitsandbytes\", \"fp8\" and \"compressed-tensors\"");
  }
  constexpr std::int64_t kVersion = 1;
  const JsonView version = quantization.require("version");
  if (version.as_integer(0, std::numeric_limits<std::int64_t>::max()) != kVersion) {
    fail_unsupported(version, "1");
  }
}

void refuse_unsupported(const JsonView& root, MiniMaxConfig& config) {
  if (const auto postnorm = root.get("postnorm"); postnorm && !postnorm->as_bool()) {
    fail_unsupported(*postnorm, "true");
  }
  const auto activation = root.get("hidden_act");
  if (activation && activation->as_string() != "silu") {
    fail_unsupported(*activation, "\"silu\"");
  }
  if (const auto quantization = root.get("quantization_config")) {
    check_quantization(*quantization);
  }
  if (root.get("auto_map")) {
    config.warnings.push_back(root.source() +
                              ": auto_map is ignored: code in a model directory is never run");
  }
  refuse_rope_scaling(root);
}

std::int32_t token_id(const JsonView& view, const MiniMaxConfig& config) {
  return static_cast<std::int32_t>(view.as_integer(0, config.vocab_size - 1));
}

void read_token_ids(const JsonView& root, MiniMaxConfig& config) {
  if (const auto bos = root.get("bos_token_id")) {
    config.bos_token_id = token_id(*bos, config);
  }
  // -1 stands for "none" in some files.
  const auto pad = root.get("pad_token_id");
  if (pad && !(pad->value().is_integer() && pad->value().integer() == -1)) {
    config.pad_token_id = token_id(*pad, config);
  }
  const auto eos = root.get("eos_token_id");
  if (eos && eos->value().is_array()) {
    for (const JsonView& element : eos->elements()) {
      config.eos_token_id.push_back(token_id(element, config));
    }
  } else if (eos) {
    config.eos_token_id.push_back(token_id(*eos, config));
  }
}

}  // namespace

namespace model {

MiniMaxConfig parse_config(std::string_view text, const std::string& source) {
  const base::Json json = base::parse_json(text, source);
  const JsonView root(json, source);
  root.as_object();
  MiniMaxConfig config;
  read_architecture(root, config);
  refuse_unsupported(root, config);
  read_sizes(root, config);
  read_heads(root, config);
  read_shared_expert(root, config);
  read_layer_types(root, config);
  read_residual_factors(root, config);
  read_rope(root, config);
  read_options(root, config);
  read_heads_on_top(root, config);
  read_training(root, config);
  read_token_ids(root, config);
  return config;
}

}  // namespace model

MiniMaxConfig MiniMaxConfig::resolved() const {
  MiniMaxConfig config = *this;
  const auto require = [](bool fits, const char* field, std::string_view expected,
                          std::int64_t found) {
    base::check(fits, ErrorCode::kInvalidArgument,
                [&] { return fmt::format("{}: expected {}, found {}", field, expected, found); });
  };
  const auto require_extent = [&](const char* field, std::int64_t value,
                                  std::int64_t max = kMaxExtent) {
    require(1 <= value && value <= max, field, fmt::format("1 to {}", max), value);
  };
  require_extent("vocab_size", vocab_size);
  require_extent("hidden_size", hidden_size);
  require_extent("intermediate_size", intermediate_size);
  require_extent("num_local_experts", num_local_experts, kMaxHeads);
  require_extent("block_size", block_size, kMaxBlockSize);
  require_extent("num_hidden_layers", num_hidden_layers, kMaxLayers);
  require_extent("max_position_embeddings", max_position_embeddings, kMaxPositions);
  require(1 <= num_experts_per_tok && num_experts_per_tok <= num_local_experts,
          "num_experts_per_tok", "1 to num_local_experts", num_experts_per_tok);
  require_extent("num_attention_heads", num_attention_heads, kMaxHeads);
  require(num_key_value_heads >= 1 && num_attention_heads % num_key_value_heads == 0,
          "num_key_value_heads", "a divisor of num_attention_heads", num_key_value_heads);
  if (head_dim == 0) {
    require(hidden_size % num_attention_heads == 0, "hidden_size",
            "a multiple of num_attention_heads, or head_dim", hidden_size);
    config.head_dim = hidden_size / num_attention_heads;
  }
  require_extent("head_dim", config.head_dim, kMaxHeads);
  config.rotary_dim = rotary_dim == 0 ? config.head_dim : rotary_dim;
  require(
      config.rotary_dim % 2 == 0 && 2 <= config.rotary_dim && config.rotary_dim <= config.head_dim,
      "rotary_dim", "an even number from 2 to head_dim", config.rotary_dim);
  for (std::int64_t i = 0; layer_types.empty() && i < num_hidden_layers; ++i) {
    config.layer_types.push_back(i % 2 == 0 ? LayerType::kFullAttention
                                            : LayerType::kLinearAttention);
  }
  require(std::ssize(config.layer_types) == num_hidden_layers, "layer_types",
          "one for each of num_hidden_layers", std::ssize(config.layer_types));
  base::check(std::isfinite(lightning_norm_eps) && lightning_norm_eps >= 0,
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format("lightning_norm_eps: expected a finite number from 0, found {}",
                                   lightning_norm_eps);
              });
  require(!id2label.empty(), "id2label", "at least one label", 0);
  return config;
}

MiniMaxConfig MiniMaxConfig::from_pretrained(const std::filesystem::path& directory) {
  if (const auto gguf = io::find_gguf(directory)) {
    return model::config_from_gguf(io::read_gguf(*gguf));
  }
  constexpr std::int64_t kMaxBytes = 64LL << 20;
  const std::filesystem::path path = directory / "config.json";
  return model::parse_config(base::read_file(path, kMaxBytes), path.string());
}

}  // namespace minimax
