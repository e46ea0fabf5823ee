// SPDX-License-Identifier: Apache-2.0
// Models with random weights.
#include "model/initialize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "minimax/error.h"
#include "minimax/model.h"
#include "model/loader.h"

namespace minimax::model {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

MiniMaxConfig small_config() {
  MiniMaxConfig config;
  config.vocab_size = 50;
  config.hidden_size = 32;
  config.intermediate_size = 16;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.num_local_experts = 4;
  config.initializer_range = 0.1;
  return config;
}

std::span<const float> values(const tensor::Tensor& tensor) {
  return {tensor.data<float>(), static_cast<std::size_t>(tensor.elements())};
}

TEST(RandomModel, HasNormalMatricesUnitNormsAndNoBias) {
  const Model model = random_model(small_config(), HeadKind::kTokenClassification, {}, 1);
  EXPECT_THAT(values(model.weights.norm), Each(1.0F));
  EXPECT_THAT(values(model.weights.layers[1].lightning.norm), Each(1.0F));
  EXPECT_THAT(values(model.weights.head.bias), Each(0.0F));
  const std::span<const float> matrix = values(model.weights.layers[1].lightning.qkv.tensor());
  const auto count = static_cast<double>(matrix.size());
  const double mean = std::accumulate(matrix.begin(), matrix.end(), 0.0) / count;
  const double square =
      std::inner_product(matrix.begin(), matrix.end(), matrix.begin(), 0.0) / count;
  // Of 3,072 numbers: five standard errors.
  EXPECT_NEAR(mean, 0.0, 5 * 0.1 / std::sqrt(count));
  EXPECT_NEAR(std::sqrt(square), 0.1, 5 * 0.1 / std::sqrt(2 * count));
  EXPECT_TRUE(model.warnings.empty());
}

TEST(RandomModel, FollowsFromItsSeed) {
  const auto identity = [](std::uint64_t seed) {
    return random_model(small_config(), HeadKind::kNone, {}, seed).identity;
  };
  EXPECT_EQ(identity(1), identity(1));
  EXPECT_NE(identity(1), identity(2));
}

TEST(RandomModel, FillsInWhatTheConfigurationLeavesOpen) {
  const MiniMaxConfig config = random_model(small_config(), HeadKind::kNone, {}, 0).config;
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.rotary_dim, 8);
  EXPECT_THAT(config.layer_types,
              ::testing::ElementsAre(LayerType::kFullAttention, LayerType::kLinearAttention,
                                     LayerType::kFullAttention));
}

TEST(RandomModel, ComputesInBothTypes) {
  for (const ComputeType dtype : {ComputeType::kAuto, ComputeType::kBFloat16}) {
    const Model model =
        random_model(small_config(), HeadKind::kLanguage, {.dtype = dtype, .threads = 1}, 0);
    EXPECT_EQ(model.weights.embeddings.format(),
              dtype == ComputeType::kAuto ? quant::Format::kF32 : quant::Format::kBF16);
    EXPECT_EQ(model.weights.norm.dtype(), tensor::DType::kF32);
    EXPECT_EQ(model.size.total_parameters, 33'536);
  }
}

struct BadConfig {
  std::function<void(MiniMaxConfig&)> change;
  const char* complaint;
};

TEST(RandomModel, RefusesConfigurationsByField) {
  const std::vector<BadConfig> cases = {
      {[](auto& c) { c.vocab_size = 0; }, "vocab_size: expected 1 to"},
      {[](auto& c) { c.hidden_size = -1; }, "hidden_size"},
      {[](auto& c) { c.hidden_size = 33; }, "hidden_size: expected a multiple"},
      {[](auto& c) { c.num_hidden_layers = 1 << 20; }, "num_hidden_layers"},
      {[](auto& c) { c.num_key_value_heads = 3; }, "num_key_value_heads: expected a divisor"},
      {[](auto& c) { c.num_attention_heads = 0; }, "num_attention_heads"},
      {[](auto& c) { c.num_experts_per_tok = 5; }, "num_experts_per_tok"},
      {[](auto& c) { c.rotary_dim = 7; }, "rotary_dim"},
      {[](auto& c) { c.head_dim = 7; }, "rotary_dim"},
      {[](auto& c) { c.layer_types = {LayerType::kFullAttention}; }, "layer_types"},
      {[](auto& c) { c.id2label.clear(); }, "id2label"},
  };
  for (const BadConfig& bad : cases) {
    MiniMaxConfig config = small_config();
    bad.change(config);
    try {
      random_model(config, HeadKind::kNone, {}, 0);
      ADD_FAILURE() << bad.complaint;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr(bad.complaint));
    }
  }
}

}  // namespace
}  // namespace minimax::model
