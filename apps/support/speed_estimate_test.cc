// SPDX-License-Identifier: Apache-2.0
#include "support/speed_estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace minimax::apps {
namespace {

using ::testing::HasSubstr;

// 1 GB of experts, of which a token uses a quarter, and 1 GB of other weights.
SizedModel model() {
  SizedModel model{.format = "q8_0", .work = {}, .peak = PeakType::kInt8};
  MiniMaxConfig& config = model.work.config;
  config.num_hidden_layers = 2;
  config.layer_types = {LayerType::kFullAttention, LayerType::kFullAttention};
  config.num_attention_heads = config.num_key_value_heads = 1;
  config.head_dim = 1;
  config.num_local_experts = 8;
  config.num_experts_per_tok = 2;
  model.work.measure.size = {.total_parameters = 2'000'000'000,
                             .active_parameters = 1'250'000'000,
                             .weight_bytes = 2'000'000'000,
                             .active_weight_bytes = 1'250'000'000,
                             .expert_weight_bytes = 1'000'000'000};
  return model;
}

MachineRoof machine(std::int64_t available_bytes) {
  return {.roof = {.read_gb_per_second = 10, .int8_gop_per_second = 1000},
          .file_gb_per_second = 1,
          .available_bytes = available_bytes};
}

TEST(ExpectSpeed, OfWhatFitsIsThatOfMemory) {
  const Expectation found = expect_speed(model(), machine(2'100'000'000), 0, 100'000'000);
  EXPECT_EQ(found.resident_share, 1.0);
  EXPECT_NEAR(found.decode_tokens_per_s, 10.0 / 1.25, 0.01);
  EXPECT_NEAR(found.prefill_tokens_per_s, 1000.0 / 2.5, 4);  // two operations a parameter
}

TEST(ExpectSpeed, OfTheRestIsThatOfFiles) {
  // Half of the experts: half of the 0.25 GB of a token comes from files.
  const Expectation found = expect_speed(model(), machine(1'500'000'000), 0, 0);
  EXPECT_EQ(found.resident_share, 0.5);
  EXPECT_NEAR(found.decode_tokens_per_s, 1 / (0.125 + 0.125), 0.01);
}

TEST(ExpectSpeed, IsNoneWhereNotEvenALayerFits) {
  EXPECT_EQ(expect_speed(model(), machine(1'499'999'999), 0, 0).resident_share, std::nullopt);
  EXPECT_EQ(expect_speed(model(), machine(900'000'000), 0, 0).resident_share, std::nullopt);
  EXPECT_THAT(to_text({machine(1), {expect_speed(model(), machine(1), 0, 0)}}),
              HasSubstr("too large"));
}

TEST(SizedModels, AreSmallerInSmallerFormats) {
  MiniMaxConfig config;
  config.architecture = "MiniMaxForCausalLM";
  const std::vector<SizedModel> models = sized_models(config.resolved(), {});
  for (std::size_t i = 2; i < models.size(); ++i) {
    EXPECT_LT(models[i].work.measure.size.weight_bytes,
              models[i - 1].work.measure.size.weight_bytes)
        << models[i].format;
  }
}

}  // namespace
}  // namespace minimax::apps
