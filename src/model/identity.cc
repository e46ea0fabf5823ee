// SPDX-License-Identifier: Apache-2.0
#include "model/identity.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <string_view>

namespace minimax::model {
namespace {

// A tensor of up to kSamples * kSampleBytes bytes is taken whole.
constexpr std::int64_t kSamples = 16;
constexpr std::int64_t kSampleBytes = 4096;

std::uint64_t hash_of(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t hash_of(const quant::Matrix& weights, std::uint64_t seed) {
  const std::string_view bytes(reinterpret_cast<const char*>(weights.bytes_begin()),
                               static_cast<std::size_t>(weights.bytes()));
  if (weights.bytes() <= kSamples * kSampleBytes) {
    return hash_of(bytes, seed);
  }
  std::uint64_t hash = seed;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    const std::int64_t begin = (weights.bytes() - kSampleBytes) / (kSamples - 1) * i;
    hash = hash_of(bytes.substr(static_cast<std::size_t>(begin), kSampleBytes), hash);
  }
  return hash;
}

// The fields that change what a layer computes; those that change its rounding alone are left out.
std::string description(const MiniMaxConfig& c, ops::Precision precision) {
  std::string text = fmt::format(
      "{} heads {} {} {} experts {} {} eps {} {} rope {} {} window {} decay {} full {} {} linear "
      "{} "
      "{} "
      "mlp {} {} precision {} layers ",
      c.hidden_size, c.num_attention_heads, c.num_key_value_heads, c.head_dim, c.num_local_experts,
      c.num_experts_per_tok, c.rms_norm_eps, c.lightning_norm_eps, c.rope_theta, c.rotary_dim,
      c.sliding_window.value_or(0), static_cast<int>(c.decay_schedule), c.full_attn_alpha_factor,
      c.full_attn_beta_factor, c.linear_attn_alpha_factor, c.linear_attn_beta_factor,
      c.mlp_alpha_factor, c.mlp_beta_factor, static_cast<int>(precision));
  for (const LayerType type : c.layer_types) {
    text += type == LayerType::kFullAttention ? '1' : '0';
  }
  return text;
}

}  // namespace

std::uint64_t model_identity(const MiniMaxConfig& config, ops::Precision precision,
                             const std::vector<Parameter>& table) {
  std::uint64_t hash = hash_of(description(config, precision), 0);
  for (const Parameter& parameter : table) {
    const std::string& name = parameter.published().name;
    if (name.starts_with("model.")) {
      const quant::Matrix weights = parameter.weights();
      hash = hash_of(fmt::format("{} {} {}", name, quant::info(weights.format()).name,
                                 weights.shape().to_string()),
                     hash);
      hash = hash_of(weights, hash);
    }
  }
  return hash;
}

}  // namespace minimax::model
