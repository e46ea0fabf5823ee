// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "model/decay.h"
#include "tests/support/thrown_by.h"

namespace minimax {
namespace {

using base::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kMiniMax = R"({
  "architectures": ["MiniMaxForCausalLM"], "vocab_size": 100, "hidden_size": 64,
  "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 32, "num_local_experts": 4, "num_experts_per_tok": 2,
  "layer_types": ["linear_attention", "full_attention"], "rope_theta": 10000.0,
  "full_attn_alpha_factor": 2.0, "full_attn_beta_factor": 1.0, "linear_attn_alpha_factor": 3.0,
  "linear_attn_beta_factor": 1.0, "mlp_alpha_factor": 4.0, "mlp_beta_factor": 0.5,
  "eos_token_id": [3, 0]})";

constexpr const char* kOriginal = R"({
  "architectures": ["MiniMaxText01ForCausalLM"], "vocab_size": 100, "hidden_size": 64,
  "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 32, "num_local_experts": 4, "num_experts_per_tok": 2,
  "attn_type_list": [0, 1], "rope_theta": 10000000, "rotary_dim": 16, "postnorm": true,
  "layernorm_full_attention_alpha": 3.5, "layernorm_full_attention_beta": 1.0,
  "layernorm_linear_attention_alpha": 3.25, "layernorm_linear_attention_beta": 1.0,
  "layernorm_mlp_alpha": 3.0, "layernorm_mlp_beta": 1.0, "bos_token_id": null,
  "eos_token_id": null, "shared_intermediate_size": [0], "sliding_window": null})";

MiniMaxConfig read(const std::string& text) { return model::parse_config(text, "config.json"); }

// `text` with one member set to a JSON value, or removed where `value` is empty.
std::string with(const char* text, const std::string& key, const std::string& value) {
  Json json = base::parse_json(text, "test");
  std::erase_if(json.object(), [&](const base::JsonMember& member) { return member.first == key; });
  std::string out = base::write_json(json);
  if (!value.empty()) {
    out.pop_back();
    out += fmt::format(",\"{}\":{}}}", key, value);
  }
  return out;
}

TEST(MiniMaxConfig, ReadsTheTransformersDialect) {
  const MiniMaxConfig config = read(kMiniMax);
  EXPECT_THAT(config.layer_types,
              ElementsAre(LayerType::kLinearAttention, LayerType::kFullAttention));
  EXPECT_EQ(config.decay_schedule, DecaySchedule::kMiniMax);
  EXPECT_EQ(config.rotary_dim, 32);  // the whole head where nothing says otherwise
  EXPECT_EQ(config.block_size, 256);
  EXPECT_EQ(config.linear_attn_alpha_factor, 3.0);
  EXPECT_EQ(config.mlp_beta_factor, 0.5);
  EXPECT_THAT(config.eos_token_id, ElementsAre(3, 0));
}

TEST(MiniMaxConfig, ReadsTheOriginalDialect) {
  const MiniMaxConfig config = read(kOriginal);
  EXPECT_EQ(config.decay_schedule, DecaySchedule::kOriginal);
  EXPECT_EQ(config.rotary_dim, 16);
  EXPECT_EQ(config.full_attn_alpha_factor, 3.5);
  EXPECT_EQ(config.linear_attn_alpha_factor, 3.25);
  EXPECT_EQ(config.mlp_alpha_factor, 3.0);
  EXPECT_EQ(config.shared_intermediate_size, 0);
  EXPECT_FALSE(config.sliding_window.has_value());
  EXPECT_FALSE(config.bos_token_id.has_value());
  EXPECT_TRUE(config.eos_token_id.empty());
}

TEST(MiniMaxConfig, TakesRotaryDimensionsFromEveryPlace) {
  EXPECT_EQ(read(with(kMiniMax, "partial_rotary_factor", "0.5")).rotary_dim, 16);
  EXPECT_EQ(read(with(kMiniMax, "rope_parameters",
                      R"({"rope_theta": 5.0, "partial_rotary_factor": 0.25})"))
                .rotary_dim,
            8);
  EXPECT_EQ(read(with(kMiniMax, "rope_parameters", R"({"rope_theta": 5.0})")).rope_theta, 5.0);
}

TEST(MiniMaxConfig, ReadsWhatItWrites) {
  const std::string golden = std::string(MINIMAX_SOURCE_DIR) + "/tests/golden/";
  for (const char* name : {"text_01", "m1", "unequal_factors", "partial_rotary_nested", "eos_list",
                           "tied_embeddings", "shared_expert", "window/lightning_first"}) {
    const MiniMaxConfig config = MiniMaxConfig::from_pretrained(golden + name);
    EXPECT_EQ(read(base::write_json(model::config_to_json(config))), config) << name;
  }
  MiniMaxConfig labels = read(kMiniMax);
  labels.architecture = "MiniMaxForSequenceClassification";
  labels.id2label = {"no", "yes", "perhaps"};
  labels.problem_type = ProblemType::kMultiLabelClassification;
  EXPECT_EQ(read(base::write_json(model::config_to_json(labels))), labels);
}

TEST(MiniMaxConfig, IsWrittenAsAClassOfItsSchedule) {
  MiniMaxConfig config = read(kMiniMax);
  config.decay_schedule = DecaySchedule::kOriginal;
  const Json json = model::config_to_json(config);
  EXPECT_EQ(json.find("architectures")->array().front().string(), "MiniMaxText01ForCausalLM");
  EXPECT_NE(json.find("attn_type_list"), nullptr);
  EXPECT_EQ(read(base::write_json(json)).decay_schedule, DecaySchedule::kOriginal);
}

TEST(MiniMaxConfig, IgnoresCodeOfTheModelWithAWarning) {
  const MiniMaxConfig config = read(with(kMiniMax, "auto_map", R"({"AutoModel": "evil.Model"})"));
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_THAT(config.warnings[0], HasSubstr("auto_map is ignored"));
}

struct BadConfig {
  const char* base;
  const char* key;
  const char* value;  // empty: the member is removed
  const char* message;
  ErrorCode code = ErrorCode::kCorruptFile;
};

class BadConfigs : public ::testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigs, AreRefusedByName) {
  const BadConfig& bad = GetParam();
  const auto thrown = testing::thrown_by([&] { read(with(bad.base, bad.key, bad.value)); });
  EXPECT_EQ(thrown.code, bad.code) << thrown.message;
  EXPECT_THAT(thrown.message, HasSubstr(bad.message));
  EXPECT_THAT(thrown.message, ::testing::StartsWith("config.json: "));
}

constexpr ErrorCode kUnsupported = ErrorCode::kUnsupported;

// C1 to C4 of the list of bad inputs: sizes, types, layer lists, factors, experts, rope, code.
INSTANTIATE_TEST_SUITE_P(
    All, BadConfigs,
    ::testing::Values(
        BadConfig{kMiniMax, "hidden_size", "", "/hidden_size: missing"},
        BadConfig{kMiniMax, "hidden_size", "\"64\"", "/hidden_size: expected an integer"},
        BadConfig{kMiniMax, "num_hidden_layers", "0", "/num_hidden_layers: expected"},
        BadConfig{kMiniMax, "num_hidden_layers", "-1", "found -1"},
        BadConfig{kMiniMax, "num_hidden_layers", "1000000000", "found 1000000000"},
        BadConfig{kMiniMax, "num_hidden_layers", "2.5", "found 2.5"},
        BadConfig{kMiniMax, "num_attention_heads", "3", "/num_key_value_heads: expected a divisor"},
        BadConfig{kMiniMax, "head_dim", "-4", "/head_dim: expected"},
        BadConfig{kMiniMax, "vocab_size", "1e30", "/vocab_size: expected"},
        BadConfig{kMiniMax, "architectures", "[\"LlamaForCausalLM\"]", "/architectures",
                  kUnsupported},
        BadConfig{kMiniMax, "architectures", "", "/model_type: missing"},
        BadConfig{kMiniMax, "layer_types", "[\"full_attention\"]", "each of the 2 layers, found 1"},
        BadConfig{kMiniMax, "layer_types", "[\"full_attention\", \"mamba\"]", "found \"mamba\""},
        BadConfig{kOriginal, "attn_type_list", "[0, 2]", "/attn_type_list/1: expected"},
        BadConfig{kOriginal, "attn_type_list", "[0]", "each of the 2 layers, found 1"},
        BadConfig{kOriginal, "attn_type_list", "", "/attn_type_list: missing"},
        BadConfig{kOriginal, "layernorm_mlp_alpha", "", "/layernorm_mlp_alpha: missing"},
        BadConfig{kMiniMax, "mlp_alpha_factor", "", "/mlp_alpha_factor: missing"},
        BadConfig{kMiniMax, "mlp_alpha_factor", "NaN", "not valid JSON"},
        BadConfig{kMiniMax, "mlp_alpha_factor", "1e999", "not valid JSON"},
        BadConfig{kMiniMax, "num_experts_per_tok", "5", "from 1 to 4, found 5"},
        BadConfig{kMiniMax, "num_experts_per_tok", "0", "found 0"},
        BadConfig{kMiniMax, "rope_theta", "0", "/rope_theta: expected a number above 0"},
        BadConfig{kMiniMax, "rope_theta", "-1.0", "/rope_theta"},
        BadConfig{kMiniMax, "rope_theta", "", "/rope_theta: missing"},
        BadConfig{kOriginal, "rotary_dim", "7", "/rotary_dim: expected an even number"},
        BadConfig{kOriginal, "rotary_dim", "64", "/rotary_dim: expected"},
        BadConfig{kMiniMax, "partial_rotary_factor", "2.0", "/partial_rotary_factor: expected"},
        BadConfig{kMiniMax, "eos_token_id", "[100]", "/eos_token_id/0: expected"},
        BadConfig{kMiniMax, "tie_word_embeddings", "1", "/tie_word_embeddings: expected true"},
        BadConfig{kOriginal, "postnorm", "false", "/postnorm", kUnsupported},
        BadConfig{kMiniMax, "hidden_act", "\"gelu\"", "/hidden_act", kUnsupported},
        BadConfig{kMiniMax, "rope_scaling", R"({"type": "yarn", "factor": 4})",
                  "/rope_scaling/type", kUnsupported},
        BadConfig{kMiniMax, "rope_parameters", R"({"rope_type": "linear", "rope_theta": 1.0})",
                  "/rope_parameters/rope_type", kUnsupported},
        BadConfig{kMiniMax, "quantization_config", R"({"quant_method": "gptq"})",
                  "/quantization_config", kUnsupported},
        BadConfig{kOriginal, "shared_intermediate_size", "[32, 64]", "/shared_intermediate_size",
                  kUnsupported}));

TEST(DecayRates, FollowTheClassOfTheCheckpoint) {
  MiniMaxConfig config = read(kMiniMax);
  config.num_attention_heads = 6;
  config.num_hidden_layers = 80;
  EXPECT_NEAR(model::decay_rates(config, 0)[5], 0x1p-8 * 1.00001, 1e-9);
  config.decay_schedule = DecaySchedule::kOriginal;
  // Four slopes of 2^-2k, then the first and third of 2^-k (ALiBi for six heads).
  const std::vector<float> rates = model::decay_rates(config, 0);
  EXPECT_NEAR(rates[3], 0x1p-8 * 1.00001, 1e-9);
  EXPECT_NEAR(rates[4], 0x1p-1 * 1.00001, 1e-6);
  EXPECT_NEAR(rates[5], 0x1p-3 * 1.00001, 1e-7);
  EXPECT_NEAR(model::decay_rates(config, 79)[4], 0.5 * 1e-5, 1e-11);
}

}  // namespace
}  // namespace minimax
