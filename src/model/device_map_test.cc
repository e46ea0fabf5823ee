// SPDX-License-Identifier: Apache-2.0
// What a map of modules means, and how many layers' experts have to leave a GPU. Needs no GPU.
#include "model/device_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"
#include "model/parameters.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PlaceExperts : public ::testing::Test {
 protected:
  PlaceExperts() {
    MiniMaxConfig config;
    config.vocab_size = 100;
    config.hidden_size = 64;
    config.intermediate_size = 32;
    config.num_hidden_layers = 3;
    config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention,
                          LayerType::kLinearAttention};
    config.num_attention_heads = 2;
    config.num_key_value_heads = 2;
    config.head_dim = 32;
    config.num_local_experts = 4;
    table_ = parameters(config.resolved(), HeadKind::kLanguage, weights_);
    for (const Parameter& parameter : table_) {
      items_.push_back({.parameter = &parameter, .source = &parameter.published()});
    }
    layer_bytes_ = expert_bytes(items_, 3);
  }

  ExpertPlacement place(std::map<std::string, std::string> modules) const {
    return place_experts({.modules = std::move(modules)}, items_, layer_bytes_);
  }

  testing::Thrown refusal(std::map<std::string, std::string> modules) const {
    return testing::thrown_by([&] { place(std::move(modules)); });
  }

  Weights weights_;
  std::vector<Parameter> table_;
  std::vector<LoadItem> items_;
  std::vector<std::int64_t> layer_bytes_;
};

TEST_F(PlaceExperts, FollowsTheModules) {
  const ExpertPlacement placement = place({{"model.embed_tokens", "0"},
                                           {"model.layers.0", "cuda:0"},
                                           {"model.layers.1.block_sparse_moe.experts", "cpu"},
                                           {"model.layers.2.mlp.experts", "cpu"}});
  EXPECT_THAT(placement.on_host, ElementsAre(false, true, true));
  EXPECT_EQ(placement.host_bytes, 2 * layer_bytes_[0]);
  EXPECT_EQ(placement.staging_bytes, 2 * layer_bytes_[0]);
  EXPECT_THAT(placement.warnings, IsEmpty());
}

TEST_F(PlaceExperts, CountsFloatsOfFourExpertsInALayer) {
  EXPECT_THAT(layer_bytes_, ElementsAre(98304, 98304, 98304));  // 4 * 3 * 64 * 32 * 4
}

TEST_F(PlaceExperts, SaysWhatStaysOnTheGpu) {
  const ExpertPlacement placement = place({{"", "cpu"}});
  EXPECT_THAT(placement.on_host, ElementsAre(true, true, true));
  EXPECT_EQ(placement.staging_bytes, 2 * layer_bytes_[0]);
  EXPECT_THAT(placement.warnings, ElementsAre(HasSubstr("the first model.embed_tokens.weight")));
}

TEST_F(PlaceExperts, TakesOneBufferForOneLayer) {
  EXPECT_EQ(place({{"model.layers.1", "cpu"}}).staging_bytes, layer_bytes_[1]);
}

TEST_F(PlaceExperts, RefusesUnknownModules) {
  const testing::Thrown thrown = refusal({{"model.layers.3", "cpu"}});
  EXPECT_EQ(thrown.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(thrown.message, HasSubstr("found \"model.layers.3\""));
  EXPECT_EQ(refusal({{"model.layers.1.block", "cpu"}}).code, ErrorCode::kInvalidArgument);
}

TEST_F(PlaceExperts, RefusesModulesThatOverlap) {
  const testing::Thrown thrown =
      refusal({{"model.layers.1", "0"}, {"model.layers.1.mlp.experts", "cpu"}});
  EXPECT_EQ(thrown.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(thrown.message, HasSubstr("overlap"));
}

TEST_F(PlaceExperts, RefusesOtherPlaces) {
  EXPECT_EQ(refusal({{"model.layers.1", "disk"}}).code, ErrorCode::kUnsupported);
  EXPECT_THAT(refusal({{"model.layers.1", "cuda:1"}}).message, HasSubstr("found \"cuda:1\""));
}

TEST_F(PlaceExperts, RefusesLayersInTwoPlaces) {
  const testing::Thrown thrown = refusal({{"model.layers.2.block_sparse_moe.experts.3", "cpu"}});
  EXPECT_EQ(thrown.code, ErrorCode::kUnsupported);
  EXPECT_THAT(thrown.message, HasSubstr("layer 2"));
}

constexpr std::int64_t kLayerBytes[] = {100, 100, 100, 100, 100, 100, 100, 100};

TEST(PlaceExpertsAutomatically, LeavesAllOnTheGpuWhereTheyFit) {
  EXPECT_EQ(place_experts_automatically(kLayerBytes, 1000, 1000).layers_on_host(), 0);
}

TEST(PlaceExpertsAutomatically, MovesAsFewAsPossibleWithTheirBuffers) {
  // 200 are too much; two buffers take what the first two layers leave.
  const ExpertPlacement placement = place_experts_automatically(kLayerBytes, 1000, 800);
  EXPECT_EQ(placement.layers_on_host(), 4);
  EXPECT_EQ(placement.host_bytes, 400);
  EXPECT_EQ(placement.staging_bytes, 200);
  EXPECT_THAT(placement.on_host, ElementsAre(false, true, false, true, false, true, false, true));
}

TEST(PlaceExpertsAutomatically, MovesAllWhereNothingIsEnough) {
  EXPECT_EQ(place_experts_automatically(kLayerBytes, 1000, 10).layers_on_host(), 8);
}

TEST(PlacementSpeed, AddsTheTimesOfBothMemories) {
  const PlacementSpeed speed{.host_bytes = 50'000'000'000,
                             .device_bytes = 4'000'000'000'000,
                             .link_bytes_per_s = 50e9,
                             .read_bytes_per_s = 4e12};
  EXPECT_DOUBLE_EQ(speed.tokens_per_second(), 0.5);
}

TEST(DeviceMap, ReadsNumbersAndNames) {
  const testing::TemporaryDirectory directory;
  directory.write("map.json", R"({"lm_head": 0, "model.layers.1": "cpu"})");
  const DeviceMap map = DeviceMap::from_file(directory.path() / "map.json");
  EXPECT_EQ(map.modules.at("lm_head"), "0");
  EXPECT_EQ(map.modules.at("model.layers.1"), "cpu");
}

TEST(DeviceMap, NamesTheMemberThatIsNoPlace) {
  const testing::TemporaryDirectory directory;
  directory.write("map.json", R"({"lm_head": [0]})");
  const testing::Thrown thrown =
      testing::thrown_by([&] { DeviceMap::from_file(directory.path() / "map.json"); });
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr("/lm_head"));
}

}  // namespace
}  // namespace minimax::model
