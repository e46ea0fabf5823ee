// SPDX-License-Identifier: Apache-2.0
#include "convert/gguf_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "model/gguf_config.h"

namespace minimax::convert {
namespace {

using io::GgufArray;
using quant::Format;
using Keys = io::GgufWriter::Keys;

constexpr std::string_view kArchitecture = "minimax-01";
constexpr std::uint32_t kQuantizationVersion = 2;

/// The number that llama.cpp shows for the type of most tensors.
struct FileType {
  Format format;
  std::uint32_t number;
};
constexpr std::array kFileTypes = {
    FileType{Format::kF32, 0},     FileType{Format::kF16, 1},     FileType{Format::kQ4_0, 2},
    FileType{Format::kQ4_1, 3},    FileType{Format::kQ8_0, 7},    FileType{Format::kQ5_0, 8},
    FileType{Format::kQ5_1, 9},    FileType{Format::kQ2_K, 10},   FileType{Format::kQ3_K, 12},
    FileType{Format::kQ4_K, 15},   FileType{Format::kQ5_K, 17},   FileType{Format::kQ6_K, 18},
    FileType{Format::kIQ4_NL, 25}, FileType{Format::kIQ4_XS, 30}, FileType{Format::kBF16, 32}};

std::uint32_t to_u32(std::int64_t value) {
  // llama.cpp keeps these numbers in 32 bits with a sign; only the length of the context can be
  // larger.
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::uint32_t>(std::min(value, kMost));
}

std::vector<bool> recurrent_layers(const MiniMaxConfig& config) {
  std::vector<bool> recurrent;
  for (const LayerType type : config.layer_types) {
    recurrent.push_back(type == LayerType::kLinearAttention);
  }
  return recurrent;
}

bool has_key(std::string_view key, const Keys& keys) {
  return std::ranges::find(keys, key, &Keys::value_type::first) != keys.end();
}

void add_id(std::string_view name, std::optional<std::int32_t> id, Keys& keys) {
  const std::string key = fmt::format("tokenizer.ggml.{}_token_id", name);
  if (id && !has_key(key, keys)) {
    keys.emplace_back(key, static_cast<std::uint32_t>(*id));
  }
}

}  // namespace

void add_model_keys(const MiniMaxConfig& config, const std::string& name, Format format,
                    Keys& keys) {
  const auto add = [&](std::string_view key, io::GgufValue value) {
    keys.emplace_back(fmt::format("{}.{}", kArchitecture, key), std::move(value));
  };
  const auto* const type = std::ranges::find(kFileTypes, format, &FileType::format);
  keys.emplace_back("general.architecture", std::string(kArchitecture));
  keys.emplace_back("general.type", std::string("model"));
  keys.emplace_back("general.name", name);
  keys.emplace_back("general.file_type", type == kFileTypes.end() ? 0U : type->number);
  keys.emplace_back("general.quantization_version", kQuantizationVersion);
  add("vocab_size", to_u32(config.vocab_size));
  add("context_length", to_u32(config.max_position_embeddings));
  add("embedding_length", to_u32(config.hidden_size));
  add("block_count", to_u32(config.num_hidden_layers));
  add("feed_forward_length", to_u32(config.intermediate_size));
  add("attention.head_count", to_u32(config.num_attention_heads));
  add("attention.head_count_kv", to_u32(config.num_key_value_heads));
  add("attention.key_length", to_u32(config.head_dim));
  add("attention.value_length", to_u32(config.head_dim));
  add("attention.layer_norm_rms_epsilon", static_cast<float>(config.rms_norm_eps));
  add("attention.recurrent_layers", GgufArray(recurrent_layers(config)));
  add("rope.dimension_count", to_u32(config.rotary_dim));
  add("rope.freq_base", static_cast<float>(config.rope_theta));
  add("expert_count", to_u32(config.num_local_experts));
  add("expert_used_count", to_u32(config.num_experts_per_tok));
  add("residual_scale", static_cast<float>(config.full_attn_alpha_factor));
  keys.emplace_back(
      std::string(model::kGgufDecayKey),
      std::string(config.decay_schedule == DecaySchedule::kOriginal ? model::kGgufOriginalDecay
                                                                    : model::kGgufMiniMaxDecay));
  add_id("bos", config.bos_token_id, keys);
  add_id("padding", config.pad_token_id, keys);
}

void add_generation_keys(const GenerationConfig& generation, Keys& keys,
                         std::vector<std::string>& warnings) {
  const std::vector<std::int32_t>& ends = generation.eos_token_id;
  add_id("eos", ends.empty() ? std::nullopt : std::optional(ends[0]), keys);
  add_id("eot", ends.size() < 2 ? std::nullopt : std::optional(ends[1]), keys);
  if (ends.size() > 2) {
    warnings.push_back(fmt::format("of {} tokens that end an answer, GGUF keeps two", ends.size()));
  }
  if (!generation.do_sample) {
    return;
  }
  keys.emplace_back("general.sampling.temp", static_cast<float>(generation.temperature));
  keys.emplace_back("general.sampling.top_k", static_cast<std::int32_t>(to_u32(generation.top_k)));
  keys.emplace_back("general.sampling.top_p", static_cast<float>(generation.top_p));
  keys.emplace_back("general.sampling.min_p", static_cast<float>(generation.min_p));
}

void add_suppressed_tokens(std::span<const std::int32_t> ids, Keys& keys) {
  if (!ids.empty()) {
    keys.emplace_back("tokenizer.ggml.suppress_tokens",
                      GgufArray(std::vector<std::int32_t>(ids.begin(), ids.end())));
  }
}

void add_tokenizer_keys(text::OwnedGgufVocabulary vocabulary, const text::TemplateFiles& templates,
                        Keys& keys) {
  keys.emplace_back("tokenizer.ggml.model", std::string("gpt2"));
  keys.emplace_back("tokenizer.ggml.pre", vocabulary.pre);
  keys.emplace_back("tokenizer.ggml.tokens", GgufArray(std::move(vocabulary.tokens)));
  keys.emplace_back("tokenizer.ggml.token_type", GgufArray(std::move(vocabulary.types)));
  keys.emplace_back("tokenizer.ggml.merges", GgufArray(std::move(vocabulary.merges)));
  add_id("bos", vocabulary.ids.bos, keys);
  add_id("eos", vocabulary.ids.eos, keys);
  add_id("padding", vocabulary.ids.pad, keys);
  add_id("unknown", vocabulary.ids.unk, keys);
  keys.emplace_back("tokenizer.ggml.add_bos_token", vocabulary.add_bos);
  keys.emplace_back("tokenizer.ggml.add_eos_token", vocabulary.add_eos);
  for (const text::NamedTemplate& source : templates.templates) {
    keys.emplace_back(source.name == "default" ? std::string("tokenizer.chat_template")
                                               : "tokenizer.chat_template." + source.name,
                      source.source);
  }
}

void add_other_keys(const io::GgufMetadata& metadata, bool with_tokenizer, Keys& keys) {
  constexpr std::string_view kAlignment = "general.alignment";  // the writer has its own
  for (const auto& [key, value] : metadata.values()) {
    const bool is_wanted = (key.starts_with("general.") && key != kAlignment) ||
                           (with_tokenizer && key.starts_with("tokenizer."));
    if (is_wanted && !has_key(key, keys)) {
      keys.emplace_back(key, value);
    }
  }
}

void add_no_tokenizer(Keys& keys) {
  keys.emplace_back("tokenizer.ggml.model", std::string("none"));
}

}  // namespace minimax::convert
