// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/softmax_attention/softmax_attention_cuda_testing.cuh"

namespace minimax::ops::cuda {
namespace {

using testing::SoftmaxDeviceProblem;
using testing::SoftmaxProblem;

// Weights and outputs are rounded to bf16, off by 2^-9 at most and 2^-10.3 on average each; weights
// average over keys.
constexpr double kRounded = 2.5e-3;

// The compute capability's first number; 0 without a GPU.
int gpu_generation() {
  int major = 0;
  const bool found =
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess;
  return found ? major : 0;
}

class SoftmaxStep : public ::testing::Test {
 protected:
  void SetUp() override {
    if (gpu_generation() < 9) {
      GTEST_SKIP() << "no GPU that runs this kernel";
    }
  }
  static void run(const SoftmaxDeviceProblem& device, int most_tokens) {
    const testing::DeviceArray<float> scratch(static_cast<std::size_t>(kStepScratchFloats));
    softmax_step_hopper(device.args(), most_tokens, scratch.data(), nullptr);
  }
  static void expect_right(const SoftmaxProblem& problem) {
    const SoftmaxDeviceProblem device(problem);
    run(device, 64);
    EXPECT_LT(device.error(), kRounded);
  }
};

TEST_F(SoftmaxStep, MatchesFloat64AtOddLengths) {
  for (const std::int64_t before : {0, 1, 62, 63, 64, 100, 2048, 20000, 100000}) {
    SCOPED_TRACE(before);
    expect_right({.lengths = {1}, .before = {before}, .heads = 16, .kv_heads = 2});
  }
}

TEST_F(SoftmaxStep, TakesBatchesOfAllLengths) {
  expect_right({.lengths = {1, 0, 1, 1}, .before = {5, 300, 20000, 64}});
  expect_right({.lengths = std::vector<std::int64_t>(17, 1),
                .before = {700, 3, 0, 1, 63, 64, 65, 5000, 128},
                .heads = 64,
                .kv_heads = 8});
  expect_right({.lengths = std::vector<std::int64_t>(300, 1), .before = {70, 7000, 300}});
}

TEST_F(SoftmaxStep, TakesSeveralTokensOfASequence) {
  for (const std::int64_t tokens : {2, 3, 7, 64}) {
    SCOPED_TRACE(tokens);
    expect_right({.lengths = {tokens, 1}, .before = {1000, 77}, .heads = 16, .kv_heads = 2});
  }
  expect_right({.lengths = {3}, .before = {1000}, .heads = 40, .kv_heads = 1});
  expect_right({.lengths = {3, 2}, .before = {1000, 3}, .heads = 3, .kv_heads = 3});
}

TEST_F(SoftmaxStep, SeesNoMoreThanTheWindow) {
  for (const std::int64_t window : {1, 64, 300, 3000}) {
    SCOPED_TRACE(window);
    expect_right(
        {.lengths = {1, 3}, .before = {4500, 200}, .window = window, .forgets_pages = true});
  }
}

TEST_F(SoftmaxStep, LeavesOutLongSequencesAndRowsBehind) {
  const SoftmaxDeviceProblem device(
      {.lengths = {1, 9, 2}, .before = {3000, 3, 50}, .rows_behind = 90});
  run(device, 2);
  EXPECT_LT(device.error({0, 2}), kRounded);
  const std::vector<double> found = device.result();
  const auto row = [&](std::int64_t token) { return found.begin() + token * 4 * 128; };
  EXPECT_THAT(std::vector<double>(row(1), row(10)), ::testing::Each(::testing::IsNan()));
  EXPECT_THAT(std::vector<double>(row(12), found.end()), ::testing::Each(::testing::IsNan()));
}

class SoftmaxPrompt : public ::testing::Test {
 protected:
  void SetUp() override {
    if (gpu_generation() < 9) {
      GTEST_SKIP() << "no GPU that runs this kernel";
    }
  }
  static void expect_right(const SoftmaxProblem& problem) {
    const SoftmaxDeviceProblem device(problem);
    softmax_prompt_hopper(device.args(), 1, nullptr);
    EXPECT_LT(device.error(), kRounded);
  }
};

TEST_F(SoftmaxPrompt, MatchesFloat64AtOddLengths) {
  for (const std::int64_t length : {1, 63, 64, 100, 128, 129, 257, 2049}) {
    SCOPED_TRACE(length);
    expect_right({.lengths = {length}});
  }
}

TEST_F(SoftmaxPrompt, GoesOnBehindTokensInTheCache) {
  for (const std::int64_t before : {1, 77, 128, 1000, 4095}) {
    SCOPED_TRACE(before);
    expect_right({.lengths = {200}, .before = {before}});
  }
}

TEST_F(SoftmaxPrompt, TakesRaggedBatchesWithEmptySequences) {
  expect_right({.lengths = {5, 0, 64, 130, 1, 63, 0, 257}, .before = {300, 5, 0, 70, 128}});
  expect_right({.lengths = std::vector<std::int64_t>(17, 70), .heads = 8, .kv_heads = 1});
}

TEST_F(SoftmaxPrompt, SeesNoMoreThanTheWindow) {
  for (const std::int64_t window : {1, 100, 128, 300}) {
    SCOPED_TRACE(window);
    expect_right({.lengths = {700}, .before = {450}, .window = window, .forgets_pages = true});
  }
}

TEST_F(SoftmaxPrompt, TakesLargePages) {
  expect_right({.lengths = {700, 300}, .before = {450}, .page_tokens = 384});
}

TEST_F(SoftmaxPrompt, LeavesOutShortSequencesAndRowsBehind) {
  const SoftmaxDeviceProblem device({.lengths = {40, 2, 70}, .rows_behind = 90});
  softmax_prompt_hopper(device.args(), 3, nullptr);
  EXPECT_LT(device.error({0, 2}), kRounded);
  const std::vector<double> found = device.result();
  const auto row = [&](std::int64_t token) { return found.begin() + token * 4 * 128; };
  EXPECT_THAT(std::vector<double>(row(40), row(42)), ::testing::Each(::testing::IsNan()));
  EXPECT_THAT(std::vector<double>(row(112), found.end()), ::testing::Each(::testing::IsNan()));
}

}  // namespace
}  // namespace minimax::ops::cuda
