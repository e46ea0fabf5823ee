// SPDX-License-Identifier: Apache-2.0
// The random disturbances of training: jitter before the routers, dropout of attention weights and
// before token classifiers. Their distributions are tested with the operations.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "minimax/model.h"
#include "tests/support/temporary_directory.h"

namespace minimax {
namespace {

const std::string kModel = MINIMAX_SOURCE_DIR "/tests/golden/heads/token_softmax/";

// More than one step of a runner.
constexpr std::size_t kTokens = 700;

std::vector<std::int32_t> ids() {
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < kTokens; ++i) {
    ids.push_back(static_cast<std::int32_t>(3 + i * i % 58));
  }
  return ids;
}

// The model with more lines in its config.json.
MiniMaxForTokenClassification load(const std::string& lines,
                                   AttnImplementation attention = AttnImplementation::kFlash,
                                   int threads = 1) {
  std::string config = testing::read_bytes(kModel + "config.json");
  const std::string zero = "\"router_jitter_noise\": 0.0";
  const std::size_t at = config.find(zero);
  EXPECT_NE(at, std::string::npos);
  config.replace(at, zero.size(), lines);
  const testing::TemporaryDirectory directory;
  directory.write("config.json", config);
  directory.write("model.safetensors", testing::read_bytes(kModel + "model.safetensors"));
  return MiniMaxForTokenClassification::from_pretrained(
      directory.path(), {.attn_implementation = attention, .threads = threads});
}

std::vector<float> train(MiniMaxForTokenClassification& model, std::uint64_t seed = 0) {
  return model.forward(ids(), {.training = true, .seed = seed}).logits.values;
}

const std::vector<std::string>& noises() {
  static const std::vector<std::string> kAll = {
      R"("router_jitter_noise": 0.3, "classifier_dropout": 0.0)",
      R"("attention_dropout": 0.3, "classifier_dropout": 0.0)",
      R"("classifier_dropout": 0.3)",
      R"("hidden_dropout": 0.3)",
  };
  return kAll;
}

TEST(Training, DisturbsTheForwardPassAndOnlyInTraining) {
  MiniMaxForTokenClassification quiet = load(R"("classifier_dropout": 0.0)");
  const std::vector<float> expected = quiet.forward(ids()).logits.values;
  EXPECT_EQ(train(quiet), expected);
  for (const std::string& noise : noises()) {
    MiniMaxForTokenClassification model = load(noise);
    EXPECT_EQ(model.forward(ids()).logits.values, expected) << noise;
    EXPECT_NE(train(model), expected) << noise;
  }
}

TEST(Training, FollowsTheSeedWhateverTheThreads) {
  for (const std::string& noise : noises()) {
    MiniMaxForTokenClassification model = load(noise);
    MiniMaxForTokenClassification threaded = load(noise, AttnImplementation::kFlash, 3);
    const std::vector<float> first = train(model, 5);
    EXPECT_EQ(train(model, 5), first) << noise;
    EXPECT_EQ(train(threaded, 5), first) << noise;
    EXPECT_NE(train(model, 6), first) << noise;
  }
}

TEST(Training, DisturbsEveryRowOfABatchInItsOwnWay) {
  const std::vector<std::int32_t> row = ids();
  std::vector<std::int32_t> rows = row;
  rows.insert(rows.end(), row.begin(), row.end());
  ModelInputs inputs(rows);
  inputs.batch_size = 2;
  for (const std::string& noise : noises()) {
    MiniMaxForTokenClassification model = load(noise);
    const std::vector<float> both =
        model.forward(inputs, {.training = true, .seed = 1}).logits.values;
    const auto half = both.begin() + static_cast<std::ptrdiff_t>(both.size() / 2);
    EXPECT_FALSE(std::equal(both.begin(), half, half)) << noise;
    EXPECT_EQ(std::vector<float>(both.begin(), half), train(model, 1)) << noise;
  }
}

TEST(Training, DropsAThirdOfTheAttentionWeights) {
  MiniMaxForTokenClassification model = load(R"("attention_dropout": 0.3)");
  const FloatTensor weights =
      model.forward(ids(), {.output_attentions = true, .training = true}).attentions.front();
  const auto length = static_cast<std::ptrdiff_t>(kTokens);
  const auto last_row = weights.values.begin() + (length - 1) * length;
  const auto dropped = std::count(last_row, last_row + length, 0.0F);
  EXPECT_NEAR(static_cast<double>(dropped), 210, 60);  // five standard deviations of 12
}

TEST(EagerAttention, GivesTheLogitsOfFlashAttention) {
  MiniMaxForTokenClassification flash = load(R"("classifier_dropout": 0.0)");
  MiniMaxForTokenClassification eager =
      load(R"("classifier_dropout": 0.0)", AttnImplementation::kEager);
  const std::vector<float> expected = flash.forward(ids()).logits.values;
  const std::vector<float> found = eager.forward(ids()).logits.values;
  const auto [least, most] = std::ranges::minmax(expected);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], 1e-5 * (most - least)) << i;
  }
}

}  // namespace
}  // namespace minimax
