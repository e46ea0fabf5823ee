// SPDX-License-Identifier: Apache-2.0
#include "support/synthetic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "minimax/error.h"
#include "minimax/model.h"
#include "tests/support/thrown_by.h"

namespace minimax::apps {
namespace {

using ::testing::HasSubstr;

TEST(SyntheticConfig, IsThePublishedGeometry) {
  for (const char* name : {"text-01", "m1"}) {
    const MiniMaxConfig config = synthetic_config({.name = name});
    EXPECT_EQ(config.num_hidden_layers, 80);
    EXPECT_EQ(std::ranges::count(config.layer_types, LayerType::kFullAttention), 10);
    EXPECT_EQ(config.num_local_experts, 32);
    EXPECT_EQ(config.decay_schedule, DecaySchedule::kOriginal);
  }
}

TEST(SyntheticConfig, TakesLayersAndOtherNumbers) {
  const MiniMaxConfig config = synthetic_config(
      {.name = "text-01", .layers = 9, .overrides = {"hidden_size=512", "rope_theta=1e4"}});
  EXPECT_EQ(config.num_hidden_layers, 9);
  EXPECT_EQ(config.layer_types[7], LayerType::kFullAttention);
  EXPECT_EQ(config.layer_types[8], LayerType::kLinearAttention);
  EXPECT_EQ(config.hidden_size, 512);
  EXPECT_EQ(config.rope_theta, 1e4);
}

TEST(SyntheticConfig, RefusesWhatIsNoNumber) {
  const testing::Thrown error = testing::thrown_by(
      [] { synthetic_config({.name = "tiny", .overrides = {"hidden_size=wide"}}); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("hidden_size=wide"));
  const testing::Thrown negative = testing::thrown_by(
      [] { synthetic_config({.name = "tiny", .overrides = {"vocab_size=-1"}}); });
  EXPECT_THAT(negative.message, HasSubstr("/vocab_size"));
}

TEST(SyntheticModel, GivesFiniteLogitsInManyFormats) {
  const MiniMaxConfig config = synthetic_config({.name = "tiny"});
  for (const char* format : {"bf16", "int4_g64", "q8_0", "q4_k"}) {
    auto model =
        MiniMaxForCausalLM::from_config(config, {.threads = 2, .random_format = format}, 3);
    const std::vector<std::int32_t> ids = {5, 6, 7};
    const auto logits = model.forward(ids).logits.values;
    EXPECT_TRUE(std::ranges::all_of(logits, [](float x) { return std::isfinite(x); })) << format;
    const auto [least, most] = std::ranges::minmax(logits);
    EXPECT_GT(most - least, 0.1F) << format;
  }
}

}  // namespace
}  // namespace minimax::apps
