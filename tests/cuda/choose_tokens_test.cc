// SPDX-License-Identifier: Apache-2.0
// The GPU chooses the tokens that the sampler of the host chooses.
#include "ops/choose_tokens/choose_tokens.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "engine/sampler.h"
#include "minimax/error.h"
#include "tests/support/gpu.h"
#include "tests/support/thrown_by.h"

namespace minimax::engine {
namespace {

using testing::GpuArray;
using testing::GpuTensor;

class ChooseTokens : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
      GTEST_SKIP() << missing;
    }
  }
};

// What the device chooses for rows of logits.
std::vector<std::int32_t> choose(const std::vector<float>& logits,
                                 const std::vector<ChoicePlan>& plans) {
  testing::Gpu gpu;
  std::vector<GpuArray<ops::ScoreEdit>> edits;
  std::vector<ops::ChoiceRule> rules;
  for (const ChoicePlan& plan : plans) {
    edits.emplace_back(plan.edits);
    rules.push_back(plan.rule);
    rules.back().edits = (*edits.back()).data();
    rules.back().edit_count = std::ssize(plan.edits);
  }
  const GpuArray<ops::ChoiceRule> placed(rules);
  const auto rows = std::ssize(plans);
  const auto width = std::ssize(logits) / rows;
  std::vector<float> copy = logits;
  const GpuTensor on_gpu(tensor::Tensor(copy.data(), tensor::DType::kF32, {rows, width}));
  const GpuTensor tokens(tensor::DType::kI32, {rows});
  ops::cuda::choose_tokens(*gpu, {.logits = *on_gpu,
                                  .rules = *placed,
                                  .tokens = {(*tokens).data<std::int32_t>(), plans.size()}});
  gpu.synchronize();
  return tokens.ints();
}

std::vector<float> random_logits(std::int64_t count, float deviation, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::vector<float> logits(static_cast<std::size_t>(count));
  for (float& logit : logits) {
    logit = normal(random);
  }
  return logits;
}

/// Of a GenerationConfig that draws.
struct Filters {
  double temperature = 1.0;
  std::int64_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
};

GenerationConfig drawing(const Filters& filters) {
  GenerationConfig config;
  config.do_sample = true;
  config.temperature = filters.temperature;
  config.top_k = filters.top_k;
  config.top_p = filters.top_p;
  config.min_p = filters.min_p;
  return config;
}

// Compares the tokens of rows that are each sampled with `config` and a seed of their own.
void expect_same(const GenerationConfig& config, std::int64_t width, float deviation,
                 std::span<const std::int32_t> history = {}, float step = 0.0f) {
  constexpr std::int64_t kRows = 17;
  const std::vector<std::int32_t> suppressed = {3, 5};
  std::vector<ChoicePlan> plans;
  std::vector<std::int32_t> expected;
  std::vector<float> logits = random_logits(kRows * width, deviation, 1);
  for (float& logit : logits) {
    logit = step > 0.0f ? std::round(logit / step) * step : logit;
  }
  for (std::int64_t row = 0; row < kRows; ++row) {
    GenerationConfig own = config;
    own.seed = static_cast<std::uint64_t>(row);
    Sampler host(own, suppressed);
    Sampler device(own, suppressed);
    const std::int64_t generated = std::ssize(history) / 2;
    ASSERT_TRUE(device.can_plan(history, generated));
    std::vector<float> scores(logits.begin() + row * width, logits.begin() + (row + 1) * width);
    expected.push_back(host.sample(scores, history, generated));
    plans.push_back(device.plan(history, generated));
  }
  EXPECT_EQ(choose(logits, plans), expected) << "width " << width << ", deviation " << deviation;
}

TEST_F(ChooseTokens, TakesTheBestAndTheFirstAmongEquals) {
  for (const std::int64_t width : {7, 100, 2049, 200064}) {
    expect_same({}, width, 2.0f);
    expect_same({}, width, 2.0f, {}, 4.0f);  // many equal
  }
}

TEST_F(ChooseTokens, DrawsWithTheSeedOfTheHost) {
  for (const std::int64_t width : {7, 100, 2049, 200064}) {
    for (const float deviation : {0.01f, 3.0f}) {
      for (const double temperature : {0.3, 1.0, 2.0}) {
        expect_same(drawing({.temperature = temperature}), width, deviation);
      }
    }
  }
}

TEST_F(ChooseTokens, FiltersAsTheHost) {
  for (const std::int64_t width : {7, 100, 2049, 200064}) {
    for (const float deviation : {0.01f, 3.0f, 30.0f}) {
      expect_same(drawing({.top_k = 1}), width, deviation);
      expect_same(drawing({.top_k = 50}), width, deviation);
      expect_same(drawing({.top_k = 5000}), width, deviation);
      expect_same(drawing({.top_p = 0.9}), width, deviation);
      expect_same(drawing({.top_p = 0.05}), width, deviation);
      expect_same(drawing({.min_p = 0.1}), width, deviation);
      expect_same(drawing({.temperature = 0.7, .top_k = 40, .top_p = 0.8, .min_p = 0.02}), width,
                  deviation);
    }
  }
}

TEST_F(ChooseTokens, BreaksTiesAsTheHost) {
  for (const float step : {0.5f, 8.0f}) {
    expect_same(drawing({.top_k = 20}), 20001, 3.0f, {}, step);
    expect_same(drawing({.top_p = 0.5}), 20001, 3.0f, {}, step);
    expect_same(drawing({.top_p = 0.95}), 20001, 3.0f, {}, step);
  }
}

TEST_F(ChooseTokens, AppliesPenaltiesAndLists) {
  std::vector<std::int32_t> history;
  for (std::int32_t i = 0; i < 200; ++i) {
    history.push_back(i * i % 97);
  }
  GenerationConfig config = drawing({.top_k = 30});
  config.repetition_penalty = 1.3;
  config.frequency_penalty = 0.2;
  config.presence_penalty = 0.5;
  config.logit_bias = {{3, 100.0}, {9, 2.5}, {11, -1.0}};
  config.suppress_tokens = {1, 2};
  expect_same(config, 100, 1.0f, history);
  config.do_sample = false;
  expect_same(config, 100, 1.0f, history);
}

TEST_F(ChooseTokens, SaysWhereThereIsNothingToChoose) {
  std::vector<float> logits = random_logits(6, 1.0f, 1);
  logits[1] = std::numeric_limits<float>::quiet_NaN();
  logits[4] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(choose(logits, std::vector<ChoicePlan>(2)),
            (std::vector<std::int32_t>{ops::kNoNumber, ops::kNoNumber}));
  EXPECT_EQ(testing::thrown_by([] { check_choice(ops::kNoNumber); }).code, ErrorCode::kCorruptFile);
  ChoicePlan none;
  for (std::int32_t id = 0; id < 3; ++id) {
    none.edits.push_back({.id = id, .is_forbidden = 1});
  }
  EXPECT_EQ(choose(random_logits(3, 1.0f, 1), {none}), std::vector<std::int32_t>{ops::kNoneLeft});
  EXPECT_EQ(testing::thrown_by([] { check_choice(ops::kNoneLeft); }).code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace minimax::engine
