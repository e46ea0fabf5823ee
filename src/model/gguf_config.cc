// SPDX-License-Identifier: Apache-2.0
#include "model/gguf_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "model/config_limits.h"

namespace minimax::model {
namespace {

constexpr std::string_view kArchitecture = "minimax-01";
constexpr std::int64_t kSoftmaxGate = 1;

std::string model_key(std::string_view name) { return fmt::format("{}.{}", kArchitecture, name); }

class Translator {
 public:
  explicit Translator(const io::GgufMetadata& metadata) : metadata_(metadata) {}

  MiniMaxConfig translate() {
    check_architecture();
    refuse_unsupported();
    read_sizes();
    read_heads();
    read_layer_types();
    read_numbers();
    read_token_ids();
    return std::move(config_);
  }

 private:
  [[noreturn]] void fail(ErrorCode code, std::string_view key, const std::string& what) const {
    throw Error(code, fmt::format("{}: key \"{}\": {}", metadata_.source(), key, what));
  }

  void check_range(std::string_view key, std::int64_t value, std::int64_t min,
                   std::int64_t max) const {
    if (value < min || value > max) {
      fail(ErrorCode::kCorruptFile, key,
           fmt::format("expected {} to {}, found {}", min, max, value));
    }
  }

  std::optional<std::int64_t> find_extent(std::string_view name, std::int64_t max) const {
    const std::string key = model_key(name);
    const std::optional<std::int64_t> value = metadata_.integer(key);
    if (value) {
      check_range(key, *value, 1, max);
    }
    return value;
  }

  std::int64_t extent(std::string_view name, std::int64_t max = kMaxExtent) const {
    const std::optional<std::int64_t> value = find_extent(name, max);
    if (!value) {
      fail(ErrorCode::kCorruptFile, model_key(name), "expected an integer, found no such key");
    }
    return *value;
  }

  // A finite number above 0.
  double number(std::string_view name) const {
    const std::string key = model_key(name);
    const std::optional<double> value = metadata_.real(key);
    if (!value) {
      fail(ErrorCode::kCorruptFile, key, "expected a number, found no such key");
    }
    if (!std::isfinite(*value) || *value <= 0) {
      fail(ErrorCode::kCorruptFile, key,
           fmt::format("expected a number above 0, found {}", *value));
    }
    return *value;
  }

  void check_architecture() const {
    constexpr std::string_view kKey = "general.architecture";
    const std::string* name = metadata_.string(kKey);
    if (name == nullptr) {
      fail(ErrorCode::kCorruptFile, kKey, "expected a string, found no such key");
    }
    if (*name != kArchitecture) {
      fail(
          ErrorCode::kUnsupported, kKey,
          fmt::format("expected \"{}\", found \"{}\"", kArchitecture, base::printable(*name, 100)));
    }
  }

  void refuse_unsupported() const {
    refuse_rope_scaling();
    refuse_other("expert_shared_count", 0);
    refuse_other("expert_gating_func", kSoftmaxGate);
  }

  // Without a type, llama.cpp takes a factor for linear scaling; 0 and 1 both leave RoPE as it is.
  void refuse_rope_scaling() const {
    const std::string type_key = model_key("rope.scaling.type");
    const std::string* found = metadata_.string(type_key);
    const std::string type = found == nullptr ? "linear" : *found;
    if (type != "none" && type != "linear") {
      fail(ErrorCode::kUnsupported, type_key,
           fmt::format("expected \"none\", found \"{}\"", base::printable(type, 100)));
    }
    for (const std::string_view name : {"rope.scaling.factor", "rope.scale_linear"}) {
      const std::string key = model_key(name);
      const double factor = metadata_.real(key).value_or(1);
      if (type == "linear" && factor != 0 && factor != 1) {
        fail(ErrorCode::kUnsupported, key, fmt::format("expected 1, found {}", factor));
      }
    }
  }

  void refuse_other(std::string_view name, std::int64_t expected) const {
    const std::string key = model_key(name);
    const std::int64_t value = metadata_.integer(key).value_or(expected);
    if (value != expected) {
      fail(ErrorCode::kUnsupported, key, fmt::format("expected {}, found {}", expected, value));
    }
  }

  void read_sizes() {
    config_.architecture = "MiniMaxForCausalLM";
    config_.decay_schedule = decay_schedule();
    config_.hidden_size = extent("embedding_length");
    config_.num_hidden_layers = extent("block_count", kMaxLayers);
    const auto of_one_expert = find_extent("expert_feed_forward_length", kMaxExtent);
    config_.intermediate_size = of_one_expert ? *of_one_expert : extent("feed_forward_length");
    config_.num_local_experts = extent("expert_count", kMaxHeads);
    config_.num_experts_per_tok = extent("expert_used_count", config_.num_local_experts);
    config_.max_position_embeddings = extent("context_length", kMaxPositions);
    config_.vocab_size = vocab_size();
  }

  // llama.cpp has the slopes of MiniMaxForCausalLM for every number of heads; the factors of layers
  // differ in their last digits only, which a key of our own keeps.
  DecaySchedule decay_schedule() const {
    const std::string* name = metadata_.string(kGgufDecayKey);
    if (name == nullptr || *name == kGgufMiniMaxDecay) {
      return DecaySchedule::kMiniMax;
    }
    if (*name != kGgufOriginalDecay) {
      fail(ErrorCode::kUnsupported, kGgufDecayKey,
           fmt::format("expected \"{}\" or \"{}\", found \"{}\"", kGgufMiniMaxDecay,
                       kGgufOriginalDecay, base::printable(*name, 100)));
    }
    return DecaySchedule::kOriginal;
  }

  std::int64_t vocab_size() const {
    const std::vector<std::string>* tokens = metadata_.strings("tokenizer.ggml.tokens");
    const std::optional<std::int64_t> size = find_extent("vocab_size", kMaxExtent);
    if (size || tokens == nullptr || tokens->empty()) {
      return size ? *size : extent("vocab_size");
    }
    return std::ssize(*tokens);
  }

  void read_heads() {
    config_.num_attention_heads = extent("attention.head_count", kMaxHeads);
    config_.num_key_value_heads = extent("attention.head_count_kv", config_.num_attention_heads);
    if (config_.num_attention_heads % config_.num_key_value_heads != 0) {
      fail(ErrorCode::kCorruptFile, model_key("attention.head_count_kv"),
           fmt::format("expected a divisor of the {} heads, found {}", config_.num_attention_heads,
                       config_.num_key_value_heads));
    }
    config_.head_dim = extent("attention.key_length", kMaxHeads);
    check_range(model_key("attention.value_length"),
                find_extent("attention.value_length", kMaxHeads).value_or(config_.head_dim),
                config_.head_dim, config_.head_dim);
    config_.rotary_dim =
        find_extent("rope.dimension_count", config_.head_dim).value_or(config_.head_dim);
    if (config_.rotary_dim % 2 != 0) {
      fail(ErrorCode::kCorruptFile, model_key("rope.dimension_count"),
           fmt::format("expected an even number, found {}", config_.rotary_dim));
    }
  }

  void read_layer_types() {
    const std::string key = model_key("attention.recurrent_layers");
    const std::vector<bool> recurrent = metadata_.booleans(key).value_or(std::vector<bool>());
    if (std::ssize(recurrent) != config_.num_hidden_layers) {
      fail(ErrorCode::kCorruptFile, key,
           fmt::format("expected one entry for each of the {} layers, found {}",
                       config_.num_hidden_layers, recurrent.size()));
    }
    for (const bool is_recurrent : recurrent) {
      config_.layer_types.push_back(is_recurrent ? LayerType::kLinearAttention
                                                 : LayerType::kFullAttention);
    }
  }

  void read_numbers() {
    config_.rms_norm_eps = number("attention.layer_norm_rms_epsilon");
    config_.rope_theta = number("rope.freq_base");
    const double scale = number("residual_scale");
    config_.full_attn_alpha_factor = scale;
    config_.linear_attn_alpha_factor = scale;
    config_.mlp_alpha_factor = scale;
  }

  std::optional<std::int32_t> token_id(std::string_view name) const {
    const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
    const std::optional<std::int64_t> id = metadata_.integer(key);
    if (!id) {
      return std::nullopt;
    }
    check_range(key, *id, 0, config_.vocab_size - 1);
    return static_cast<std::int32_t>(*id);
  }

  void read_token_ids() {
    config_.bos_token_id = token_id("bos");
    config_.pad_token_id = token_id("padding");
    for (const std::string_view name : {"eos", "eot"}) {
      const std::optional<std::int32_t> id = token_id(name);
      if (id && std::ranges::find(config_.eos_token_id, *id) == config_.eos_token_id.end()) {
        config_.eos_token_id.push_back(*id);
      }
    }
  }

  const io::GgufMetadata& metadata_;
  MiniMaxConfig config_;
};

}  // namespace

MiniMaxConfig config_from_gguf(const io::GgufMetadata& metadata) {
  return Translator(metadata).translate();
}

MiniMaxConfig config_from_gguf(const io::GgufModel& model) {
  MiniMaxConfig config = config_from_gguf(model.metadata);
  config.tie_word_embeddings = model.checkpoint.find("output.weight") == nullptr;
  return config;
}

}  // namespace minimax::model
