// SPDX-License-Identifier: Apache-2.0
#include "model/gguf_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/thrown_by.h"

namespace minimax::model {
namespace {

using io::GgufArray;
using io::GgufMetadata;
using io::GgufValue;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The keys and types that llama.cpp's files have, with one replaced or, without a value, left out.
GgufMetadata metadata(std::string_view changed = {}, std::optional<GgufValue> value = {}) {
  GgufMetadata result("m.gguf");
  if (value) {
    result.insert(std::string(changed), *value);
  }
  const auto add = [&](std::string key, GgufValue usual) {
    if (key != changed) {
      result.insert(std::move(key), std::move(usual));
    }
  };
  add("general.architecture", std::string("minimax-01"));
  add("minimax-01.context_length", 4096U);
  add("minimax-01.embedding_length", 96U);
  add("minimax-01.block_count", 2U);
  add("minimax-01.feed_forward_length", 160U);
  add("minimax-01.vocab_size", 512U);
  add("minimax-01.attention.head_count", 4U);
  add("minimax-01.attention.head_count_kv", 2U);
  add("minimax-01.attention.key_length", 32U);
  add("minimax-01.attention.value_length", 32U);
  add("minimax-01.attention.layer_norm_rms_epsilon", 1e-5f);
  add("minimax-01.attention.recurrent_layers", GgufArray(std::vector<bool>{true, false}));
  add("minimax-01.rope.dimension_count", 16U);
  add("minimax-01.rope.freq_base", 10000.0f);
  add("minimax-01.expert_count", 6U);
  add("minimax-01.expert_used_count", 2U);
  add("minimax-01.residual_scale", 2.5f);
  add("tokenizer.ggml.bos_token_id", 510U);
  add("tokenizer.ggml.eos_token_id", 511U);
  return result;
}

TEST(GgufConfig, TranslatesEveryKey) {
  const MiniMaxConfig config = config_from_gguf(metadata());
  EXPECT_EQ(config.architecture, "MiniMaxForCausalLM");
  EXPECT_EQ(config.decay_schedule, DecaySchedule::kMiniMax);
  EXPECT_EQ(config.max_position_embeddings, 4096);
  EXPECT_EQ(config.hidden_size, 96);
  EXPECT_EQ(config.num_hidden_layers, 2);
  EXPECT_EQ(config.intermediate_size, 160);
  EXPECT_EQ(config.vocab_size, 512);
  EXPECT_EQ(config.num_attention_heads, 4);
  EXPECT_EQ(config.num_key_value_heads, 2);
  EXPECT_EQ(config.head_dim, 32);
  EXPECT_EQ(config.rotary_dim, 16);
  EXPECT_EQ(config.num_local_experts, 6);
  EXPECT_EQ(config.num_experts_per_tok, 2);
  EXPECT_THAT(config.layer_types,
              ElementsAre(LayerType::kLinearAttention, LayerType::kFullAttention));
  EXPECT_EQ(config.rms_norm_eps, 1e-5f);
  EXPECT_EQ(config.rope_theta, 10000);
  EXPECT_EQ(config.bos_token_id, 510);
  EXPECT_THAT(config.eos_token_id, ElementsAre(511));
  EXPECT_NO_THROW(config.resolved());
}

TEST(GgufConfig, GivesEveryAlphaTheResidualScaleAndEveryBetaOne) {
  const MiniMaxConfig config = config_from_gguf(metadata());
  for (const double alpha :
       {config.full_attn_alpha_factor, config.linear_attn_alpha_factor, config.mlp_alpha_factor}) {
    EXPECT_EQ(alpha, 2.5);
  }
  for (const double beta :
       {config.full_attn_beta_factor, config.linear_attn_beta_factor, config.mlp_beta_factor}) {
    EXPECT_EQ(beta, 1.0);
  }
}

TEST(GgufConfig, FillsInWhatMayBeLeftOut) {
  const auto without = [](std::string_view key) { return config_from_gguf(metadata(key)); };
  EXPECT_EQ(without("minimax-01.rope.dimension_count").rotary_dim, 32);
  EXPECT_EQ(without("minimax-01.attention.value_length").head_dim, 32);
  EXPECT_EQ(without("tokenizer.ggml.bos_token_id").bos_token_id, std::nullopt);
  GgufMetadata tokens = metadata("minimax-01.vocab_size");
  tokens.insert("tokenizer.ggml.tokens", GgufArray(std::vector<std::string>(600, "x")));
  EXPECT_EQ(config_from_gguf(tokens).vocab_size, 600);
}

TEST(GgufConfig, AcceptsScalingThatDoesNotScale) {
  EXPECT_NO_THROW(config_from_gguf(metadata("minimax-01.rope.scaling.factor", 1.0f)));
  GgufMetadata off = metadata("minimax-01.rope.scaling.factor", 4.0f);
  off.insert("minimax-01.rope.scaling.type", std::string("none"));
  EXPECT_NO_THROW(config_from_gguf(off));
}

TEST(GgufConfig, StopsAtTheEndOfATurnToo) {
  const MiniMaxConfig config = config_from_gguf(metadata("tokenizer.ggml.eot_token_id", 7U));
  EXPECT_THAT(config.eos_token_id, ElementsAre(511, 7));
}

TEST(GgufConfig, NamesAMissingKey) {
  for (const char* name :
       {"context_length", "embedding_length", "block_count", "feed_forward_length", "vocab_size",
        "attention.head_count", "attention.head_count_kv", "attention.key_length",
        "attention.layer_norm_rms_epsilon", "attention.recurrent_layers", "rope.freq_base",
        "expert_count", "expert_used_count", "residual_scale"}) {
    const std::string key = std::string("minimax-01.") + name;
    const Thrown thrown = thrown_by([&] { config_from_gguf(metadata(key)); });
    EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile) << key;
    EXPECT_THAT(thrown.message, HasSubstr("m.gguf: key \"" + key + "\": expected"));
  }
}

struct Bad {
  const char* key;
  GgufValue value;
  const char* message;
  ErrorCode code = ErrorCode::kCorruptFile;
};

TEST(GgufConfig, RefusesValuesThatDoNotFit) {
  const std::vector<Bad> cases = {
      {"general.architecture", std::string("llama"), "expected \"minimax-01\", found \"llama\"",
       ErrorCode::kUnsupported},
      {"general.architecture", 1U, "expected string, found uint32"},
      {"minimax-01.block_count", 0U, "expected 1 to 10000, found 0"},
      {"minimax-01.block_count", 1'000'000'000U, "found 1000000000"},
      {"minimax-01.block_count", -1, "found -1"},
      {"minimax-01.block_count", 3U, "recurrent_layers\": expected one entry for each of the 3"},
      {"minimax-01.embedding_length", 96.0f, "expected an integer, found float32"},
      {"minimax-01.embedding_length", ~std::uint64_t{0}, "expected an integer below 2^63"},
      {"minimax-01.vocab_size", 1U << 31, "expected 1 to 1073741824"},
      {"minimax-01.attention.head_count_kv", 3U, "expected a divisor of the 4 heads, found 3"},
      {"minimax-01.attention.head_count_kv", GgufArray(std::vector<std::uint32_t>{2, 2}),
       "expected an integer, found array of uint32"},
      {"minimax-01.attention.value_length", 16U, "expected 32 to 32, found 16"},
      {"minimax-01.attention.recurrent_layers", GgufArray(std::vector<std::int32_t>{1, 0}),
       "expected array of boolean, found array of int32"},
      {"minimax-01.attention.layer_norm_rms_epsilon", -1e-5f, "expected a number above 0"},
      {"minimax-01.rope.freq_base", std::numeric_limits<float>::infinity(), "found inf"},
      {"minimax-01.residual_scale", std::numeric_limits<float>::quiet_NaN(), "found nan"},
      {"minimax-01.rope.dimension_count", 33U, "expected 1 to 32, found 33"},
      {"minimax-01.rope.dimension_count", 15U, "expected an even number, found 15"},
      {"minimax-01.expert_used_count", 7U, "expected 1 to 6, found 7"},
      {"tokenizer.ggml.eos_token_id", 512U, "expected 0 to 511, found 512"},
      {"minimax-01.rope.scaling.type", std::string("yarn"), "expected \"none\", found \"yarn\"",
       ErrorCode::kUnsupported},
      {"minimax-01.rope.scaling.factor", 4.0f, "expected 1, found 4", ErrorCode::kUnsupported},
      {"minimax-01.rope.scale_linear", 0.5f, "expected 1, found 0.5", ErrorCode::kUnsupported},
      {"minimax-01.expert_shared_count", 1U, "expected 0, found 1", ErrorCode::kUnsupported},
      {"minimax-01.expert_gating_func", 2U, "expected 1, found 2", ErrorCode::kUnsupported},
  };
  for (const Bad& bad : cases) {
    const Thrown thrown = thrown_by([&] { config_from_gguf(metadata(bad.key, bad.value)); });
    EXPECT_EQ(thrown.code, bad.code) << bad.key;
    EXPECT_THAT(thrown.message, HasSubstr("m.gguf: key \""));
    EXPECT_THAT(thrown.message, HasSubstr(bad.message));
  }
}

}  // namespace
}  // namespace minimax::model
