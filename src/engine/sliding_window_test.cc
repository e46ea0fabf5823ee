// SPDX-License-Identifier: Apache-2.0
// Whole models with a sliding window: a state that forgets what no token sees any more gives the
// logits of one that keeps all keys behind the same mask.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "engine/runner.h"
#include "model/loader.h"
#include "model/state.h"

namespace minimax::engine {
namespace {

using model::SequenceState;

// Layers of both types; its own window is replaced by those of the tests.
constexpr const char* kModel = MINIMAX_SOURCE_DIR "/tests/golden/window/softmax_first";

struct WindowModel {
  WindowModel(std::int64_t window, Device device)
      : options{.device = device, .dtype = ComputeType::kFloat32, .threads = 1},
        model(load(window, options)),
        runner(model, options) {}

  static model::Model load(std::int64_t window, const LoadOptions& options) {
    model::Model loaded = model::load_model(kModel, model::HeadKind::kLanguage, options);
    loaded.config.sliding_window = window;
    return loaded;
  }

  SequenceState forgetting_state() const { return {model.config, model.precision}; }
  // Of the same model with room for all keys; the mask is the model's.
  SequenceState keeping_state() const {
    MiniMaxConfig config = model.config;
    config.sliding_window = std::nullopt;
    return {config, model.precision};
  }

  // The logits of the last `rows` tokens.
  std::vector<float> run(std::span<const std::int32_t> ids, SequenceState& state,
                         std::size_t rows) {
    std::vector<float> logits(rows * static_cast<std::size_t>(model.config.vocab_size));
    runner.run(ids, state, logits);
    return logits;
  }

  LoadOptions options;
  model::Model model;
  Runner runner;
};

std::vector<std::int32_t> random_ids(std::size_t count) {
  std::minstd_rand random(3);
  std::uniform_int_distribution<std::int32_t> ids(0, 96);
  std::vector<std::int32_t> all(count);
  std::ranges::generate(all, [&] { return ids(random); });
  return all;
}

class SlidingWindowModel : public ::testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, SlidingWindowModel,
                         ::testing::Values(Device::kReference, Device::kCpu), [](const auto& test) {
                           return test.param == Device::kCpu ? "cpu" : "reference";
                         });

TEST_P(SlidingWindowModel, ForgetsNothingThatIsSeen) {
  const std::vector<std::int32_t> ids = random_ids(1500);
  for (const std::int64_t window : {1, 100, 128, 300, 2000}) {
    WindowModel model(window, GetParam());
    SequenceState forgetting = model.forgetting_state();
    SequenceState keeping = model.keeping_state();
    std::span<const std::int32_t> rest(ids);
    for (const std::size_t step : {1U, 90U, 9U, 300U, 128U, 1U, 1U, 512U, 77U, 256U, 1U, 124U}) {
      const std::span<const std::int32_t> next = rest.first(step);
      EXPECT_EQ(model.run(next, forgetting, step), model.run(next, keeping, step))
          << "window " << window << ", from " << ids.size() - rest.size();
      rest = rest.subspan(step);
    }
    EXPECT_TRUE(rest.empty());
    EXPECT_EQ(forgetting.bytes() < keeping.bytes(), window < 1000);
  }
}

TEST_P(SlidingWindowModel, DecodesTheLogitsOfTheMaskedPrompt) {
  const std::vector<std::int32_t> ids = random_ids(300);
  for (const std::int64_t window : {1, 20, 130, 299, 300, 301}) {
    WindowModel model(window, GetParam());
    SequenceState whole = model.forgetting_state();
    const std::vector<float> expected = model.run(ids, whole, ids.size());
    const auto [lowest, highest] = std::ranges::minmax(expected);
    SequenceState state = model.forgetting_state();
    std::vector<float> decoded;
    for (const std::int32_t id : ids) {
      const std::vector<float> row = model.run(std::span(&id, 1), state, 1);
      decoded.insert(decoded.end(), row.begin(), row.end());
    }
    double largest = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      largest = std::max(largest, static_cast<double>(std::abs(decoded[i] - expected[i])));
    }
    // What any split of a prompt may change; docs/numerics.md.
    EXPECT_LT(largest / (highest - lowest), 1e-5) << window;
  }
}

TEST(SlidingWindowMemory, StaysConstantOver100000Tokens) {
  constexpr std::int64_t kTokens = 100'000;
  WindowModel model(200, Device::kCpu);
  const std::vector<std::int32_t> ids = random_ids(kTokens);
  const model::StateSize size = model::state_size(model.model.config, model.model.precision);
  SequenceState forgetting = model.forgetting_state();
  SequenceState keeping = model.keeping_state();
  std::int64_t settled = 0;
  for (std::int64_t begin = 0; begin < kTokens; begin += 500) {
    const auto next = std::span(ids).subspan(static_cast<std::size_t>(begin), 500);
    const std::vector<float> expected = model.run(next, keeping, 1);
    ASSERT_EQ(model.run(next, forgetting, 1), expected) << begin;
    settled = begin == 5000 ? forgetting.bytes() : settled;
    ASSERT_TRUE(begin < 5000 || forgetting.bytes() == settled) << begin;
  }
  EXPECT_EQ(forgetting.length(), kTokens);
  EXPECT_LE(settled, size.fixed_bytes + size.kv_bytes(kTokens));
  EXPECT_GT(keeping.bytes(), 50 * settled);
}

}  // namespace
}  // namespace minimax::engine
