// SPDX-License-Identifier: Apache-2.0
#include "support/synthetic.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "model/config.h"
#include "quant/format.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

using base::Json;
using base::JsonObject;

constexpr std::int64_t kPeriod = 8;  // layers with one softmax layer among them
constexpr std::int64_t kMostLayers = 10'000;

// The published configurations. The two models differ in what they were trained with alone.
constexpr const char* kText01 = R"({
  "architectures": ["MiniMaxText01ForCausalLM"], "hidden_size": 6144, "intermediate_size": 9216,
  "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128,
  "num_local_experts": 32, "num_experts_per_tok": 2, "vocab_size": 200064, "rotary_dim": 64,
  "rope_theta": 10000000, "max_position_embeddings": 10240000, "rms_norm_eps": 1e-05,
  "layernorm_full_attention_alpha": 3.5565588200778455, "layernorm_full_attention_beta": 1.0,
  "layernorm_linear_attention_alpha": 3.5565588200778455, "layernorm_linear_attention_beta": 1.0,
  "layernorm_mlp_alpha": 3.5565588200778455, "layernorm_mlp_beta": 1.0, "postnorm": true,
  "attn_type_list": []})";

// That of the demonstration model.
constexpr const char* kTiny = R"({
  "architectures": ["MiniMaxForCausalLM"], "hidden_size": 256, "intermediate_size": 192,
  "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 32,
  "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 2213, "rope_theta": 10000000,
  "max_position_embeddings": 1048576, "rms_norm_eps": 1e-05, "layer_types": [],
  "full_attn_alpha_factor": 2.0, "full_attn_beta_factor": 1.0, "linear_attn_alpha_factor": 2.0,
  "linear_attn_beta_factor": 1.0, "mlp_alpha_factor": 2.0, "mlp_beta_factor": 1.0})";

Json geometry_of(const std::string& name) {
  if (name == "text-01" || name == "m1") {
    Json json = base::parse_json(kText01, name);
    if (name == "m1") {
      json.object().front().second = base::JsonArray{"MiniMaxM1ForCausalLM"};
    }
    return json;
  }
  return name == "tiny" ? base::parse_json(kTiny, name) : base::read_json_file(name);
}

void set_field(JsonObject& object, std::string_view key, Json value) {
  const auto at = std::ranges::find(object, key, &base::JsonMember::first);
  if (at != object.end()) {
    at->second = std::move(value);
  } else {
    object.emplace_back(key, std::move(value));
  }
}

// "key=value", for whole numbers and other numbers.
void apply_override(JsonObject& object, const std::string& text) {
  const std::size_t equals = text.find('=');
  const auto fail = [&] {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--geometry: expected FIELD=NUMBER with a field of config.json, found "
                            "{}",
                            base::printable(text)));
  };
  if (equals == std::string::npos) {
    fail();
  }
  const std::string key = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  if (const auto integer = parse_integer(value)) {
    set_field(object, key, *integer);
  } else if (const auto number = parse_number(value)) {
    set_field(object, key, *number);
  } else {
    fail();
  }
}

// Says which layer attends how, in the dialect that the geometry is written in.
void set_layers(JsonObject& object, std::int64_t layers) {
  const bool is_original = Json(object).find("attn_type_list") != nullptr;
  base::JsonArray types;
  for (std::int64_t i = 0; i < layers; ++i) {
    const bool is_softmax = i % kPeriod == kPeriod - 1;
    types.push_back(is_original ? Json(is_softmax ? 1 : 0)
                                : Json(is_softmax ? "full_attention" : "linear_attention"));
  }
  set_field(object, "num_hidden_layers", layers);
  set_field(object, is_original ? "attn_type_list" : "layer_types", std::move(types));
}

// The named geometries leave open which layer attends how.
bool leaves_layers_open(const Json& json) {
  const auto is_open = [&](const char* key) {
    const Json* types = json.find(key);
    return types == nullptr || (types->is_array() && types->array().empty());
  };
  return is_open("attn_type_list") && is_open("layer_types");
}

}  // namespace

void add_synthetic_options(CLI::App& command, SyntheticOptions& options) {
  const std::string group = "Random weights";
  CLI::Option* synthetic =
      command
          .add_option("--synthetic", options.name,
                      "Measure a model with random weights of the geometry of text-01, m1 or tiny, "
                      "or of a config.json, instead of MODEL")
          ->type_name("NAME|FILE")
          ->group(group);
  command.add_option("--layers", options.layers, "Layers; every eighth attends with softmax")
      ->type_name("N")
      ->check(whole_number(1, kMostLayers))
      ->needs(synthetic)
      ->group(group);
  command
      .add_option("--geometry", options.overrides,
                  "Other numbers of config.json, such as hidden_size=1024,num_local_experts=8")
      ->delimiter(',')
      ->type_name("FIELD=NUMBER,...")
      ->needs(synthetic)
      ->group(group);
  std::vector<std::string> formats;
  for (const quant::FormatInfo& row : quant::formats()) {
    formats.emplace_back(row.name);
  }
  command.add_option("--format", options.format, "Of every matrix but the router, as in quantize")
      ->type_name("FORMAT")
      ->check(one_of(formats))
      ->capture_default_str()
      ->needs(synthetic)
      ->group(group);
}

MiniMaxConfig synthetic_config(const SyntheticOptions& options) {
  Json json = geometry_of(options.name);
  base::check(json.is_object(), ErrorCode::kInvalidArgument,
              [&] { return options.name + ": expected an object of JSON"; });
  JsonObject& object = json.object();
  for (const std::string& text : options.overrides) {
    apply_override(object, text);
  }
  const Json* count = json.find("num_hidden_layers");
  if (options.layers > 0) {
    set_layers(object, options.layers);
  } else if (leaves_layers_open(json) && count != nullptr && count->is_integer()) {
    set_layers(object, std::clamp<std::int64_t>(count->integer(), 1, kMostLayers));
  }
  return model::parse_config(base::write_json(json), options.name);
}

}  // namespace minimax::apps
