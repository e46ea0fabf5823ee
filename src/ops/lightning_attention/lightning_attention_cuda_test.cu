// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/lightning_attention/lightning_attention_cuda_testing.cuh"

namespace minimax::ops::cuda {
namespace {

using tensor::DType;
using testing::DeviceProblem;
using testing::Problem;
using testing::relative_error;
using testing::Result;

// float32 throughout: sums of some hundred products, each rounded.
constexpr double kExact = 3e-6;
// bf16 operands are off by 2^-9 at most and 2^-10.3 on average; q, k, v, P, S and the output itself
// are rounded once each, so about the square root of six times that.
constexpr double kOutput = 4e-3;
// k and decayed v are rounded, and the sum averages.
constexpr double kState = 3e-3;

void expect_close(const Result& found, const Result& expected, double output, double state) {
  EXPECT_LT(relative_error(found.out, expected.out), output);
  EXPECT_LT(relative_error(found.states, expected.states), state);
}

void run(const DeviceProblem& problem, LightningKernel kernel) {
  lightning_attention(problem.args(), kernel, nullptr);
}

// The compute capability's first number; 0 without a GPU.
int gpu_generation() {
  int major = 0;
  const bool found =
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess;
  return found ? major : 0;
}

class LightningPrompt : public ::testing::TestWithParam<LightningKernel> {
 protected:
  void SetUp() override {
    if (gpu_generation() < (GetParam() == LightningKernel::kHopper ? 9 : 8)) {
      GTEST_SKIP() << "no GPU that runs this kernel";
    }
  }
  bool exact() const { return GetParam() == LightningKernel::kExact; }

  void expect_right(const Problem& problem) const {
    const DeviceProblem device(problem);
    run(device, GetParam());
    const bool rounded = problem.out_type == DType::kBF16;
    expect_close(device.result(), device.expected(), exact() && !rounded ? kExact : kOutput,
                 exact() ? kExact : kState);
  }
};
std::string kernel_name(const ::testing::TestParamInfo<LightningKernel>& info) {
  switch (info.param) {
    case LightningKernel::kExact:
      return "Exact";
    case LightningKernel::kMma:
      return "Mma";
    default:
      return "Hopper";
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, LightningPrompt,
                         ::testing::Values(LightningKernel::kExact, LightningKernel::kMma,
                                           LightningKernel::kHopper),
                         kernel_name);

TEST_P(LightningPrompt, MatchesFloat64AtOddLengths) {
  for (const std::int64_t length : {1, 2, 63, 64, 65, 100, 128, 2049}) {
    SCOPED_TRACE(length);
    expect_right({.lengths = {length}, .heads = 3});
  }
}

TEST_P(LightningPrompt, MatchesFloat64WithFloat32Outputs) {
  for (const std::int64_t length : {1, 100, 257}) {
    SCOPED_TRACE(length);
    expect_right({.lengths = {length}, .out_type = DType::kF32});
  }
}

TEST_P(LightningPrompt, TakesActivatedInput) {
  for (const std::int64_t length : {200, 2049}) {
    SCOPED_TRACE(length);
    expect_right({.lengths = {length}, .input = LightningInput::kActivated});
  }
}

TEST_P(LightningPrompt, TakesRaggedBatchesWithEmptySequences) {
  expect_right({.lengths = {5, 0, 64, 130, 1, 63, 0, 257}, .heads = 3});
  expect_right({.lengths = std::vector<std::int64_t>(17, 70), .heads = 2});
}

TEST_P(LightningPrompt, NeitherReadsNorWritesRowsBehindTheLastSequence) {
  const Problem problem = {.lengths = {40, 70}, .rows_behind = 90};
  const DeviceProblem device(problem);
  run(device, GetParam());
  const Result found = device.result();
  expect_close(found, device.expected(), kOutput, kState);
  const std::vector<double> behind(found.out.begin() + 110 * 2 * 128, found.out.end());
  EXPECT_THAT(behind, ::testing::Each(::testing::IsNan()));
}

TEST_P(LightningPrompt, KeepsItsErrorOverLongSequences) {
  expect_right({.lengths = {16384}, .heads = 2});
}

// A prompt in two calls is the prompt in one.
TEST_P(LightningPrompt, ContinuesFromTheStateOfTheTokensBefore) {
  Problem problem = {.lengths = {300}, .heads = 3};
  const DeviceProblem whole(problem);
  run(whole, GetParam());
  DeviceProblem parts(problem);
  for (const auto& [begin, end] : {std::pair{0, 100}, {100, 101}, {101, 300}}) {
    const std::vector<std::int64_t> offsets = {begin, end};
    minimax::cuda::check(
        cudaMemcpy(parts.lengths().data(), offsets.data(), 16, cudaMemcpyHostToDevice),
        "cudaMemcpy");
    run(parts, GetParam());
  }
  expect_close(parts.result(), whole.result(), kOutput, kState);
}

TEST_P(LightningPrompt, GivesTheSameBitsEveryTime) {
  const Problem problem = {.lengths = {1000, 33, 700}, .heads = 5};
  const DeviceProblem first(problem);
  const DeviceProblem second(problem);
  run(first, GetParam());
  run(second, GetParam());
  EXPECT_EQ(first.result().out, second.result().out);
  EXPECT_EQ(first.result().states, second.result().states);
}

class LightningOnGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    if (gpu_generation() < 8) {
      GTEST_SKIP() << "no GPU";
    }
  }
};
using LightningPromptDims = LightningOnGpu;
using LightningStep = LightningOnGpu;
using LightningPromptGraph = LightningOnGpu;

TEST_F(LightningPromptDims, AllMultiplesOf16MatchFloat64) {
  for (std::int64_t dim = 16; dim <= 128; dim += 16) {
    SCOPED_TRACE(dim);
    const DeviceProblem rounded({.lengths = {100, 1, 64}, .dim = dim});
    run(rounded, LightningKernel::kMma);
    expect_close(rounded.result(), rounded.expected(), kOutput, kState);
    const DeviceProblem exact(
        {.lengths = {100, 1, 64}, .dim = dim, .qkv_type = DType::kF32, .out_type = DType::kF32});
    run(exact, LightningKernel::kExact);
    expect_close(exact.result(), exact.expected(), kExact, kExact);
  }
}

TEST_F(LightningPromptDims, OtherSizesMatchFloat64) {
  for (const std::int64_t dim : {1, 4, 12, 17, 127}) {
    SCOPED_TRACE(dim);
    for (const DType type : {DType::kBF16, DType::kF32}) {
      const DeviceProblem device(
          {.lengths = {100, 1, 64}, .dim = dim, .qkv_type = type, .out_type = DType::kF32});
      lightning_attention(device.args(), nullptr);
      expect_close(device.result(), device.expected(), kExact, kExact);
    }
  }
}

TEST_F(LightningStep, MatchesFloat64ForAllBatchesDimsAndTypes) {
  for (const DType type : {DType::kBF16, DType::kF32}) {
    for (const std::int64_t dim : {12, 16, 64, 96, 128}) {
      for (const std::size_t batch : {1, 3, 17, 64}) {
        SCOPED_TRACE(::testing::Message() << dim << " x " << batch);
        const DeviceProblem device({.lengths = std::vector<std::int64_t>(batch, 1),
                                    .heads = 3,
                                    .dim = dim,
                                    .qkv_type = type,
                                    .out_type = type});
        lightning_attention_step(device.args(), nullptr);
        expect_close(device.result(), device.expected(), type == DType::kF32 ? kExact : 2e-3,
                     kExact);
      }
    }
  }
}

// A decay of 5e-5 remembers 20,000 tokens, so that a rounded factor would show.
TEST_F(LightningStep, StaysWithThePromptOverManyTokens) {
  const std::int64_t steps = 3000;
  const Problem prompt = {.lengths = {steps}, .qkv_type = DType::kF32, .out_type = DType::kF32};
  const DeviceProblem device(prompt);
  LightningCudaArgs args = device.args();
  args.tokens = 1;
  for (std::int64_t t = 0; t < steps; ++t) {
    lightning_attention_step(args, nullptr);
    args.qkv = static_cast<const float*>(args.qkv) + 2 * 3 * 128;
    args.out = static_cast<float*>(args.out) + 2 * 128;
  }
  expect_close(device.result(), device.expected(), 1e-5, 1e-5);
}

// Each step's output, and the state where a window has just ended.
TEST_F(LightningStep, MayDeferTheWritesOfStates) {
  const std::int64_t window = 7;
  const std::int64_t steps = 21;
  const DeviceProblem device(
      {.lengths = {steps}, .qkv_type = DType::kF32, .out_type = DType::kF32});
  const testing::DeviceArray<float> rows(2 * window * 2 * 128);
  const testing::DeviceArray<void*> pointers(std::vector<void*>{rows.data()});
  LightningCudaArgs args = device.args();
  args.tokens = 1;
  for (std::int64_t t = 0; t < steps; ++t) {
    const testing::DeviceArray<std::int32_t> count(
        std::vector<std::int32_t>{static_cast<std::int32_t>(t % window)});
    lightning_attention_deferred_step(args, {pointers.data(), count.data(), window}, nullptr);
    args.qkv = static_cast<const float*>(args.qkv) + 2 * 3 * 128;
    args.out = static_cast<float*>(args.out) + 2 * 128;
  }
  expect_close(device.result(), device.expected(), kExact, kExact);
}

TEST_F(LightningStep, WritesZerosForPadding) {
  DeviceProblem device({.lengths = {1, 1, 1}, .out_type = DType::kF32});
  const std::vector<float> before = device.states().to_host();
  minimax::cuda::check(cudaMemset(device.state_pointers().data(), 0, 3 * sizeof(float*)),
                       "cudaMemset");
  lightning_attention_step(device.args(), nullptr);
  EXPECT_THAT(device.result().out, ::testing::Each(0.0));
  EXPECT_EQ(device.states().to_host(), before);
}

// What a graph has captured reads lengths when it is launched.
TEST_F(LightningPromptGraph, FollowsLengthsInDeviceMemory) {
  DeviceProblem device({.lengths = {150, 50}});
  const DeviceProblem eager({.lengths = {150, 50}});
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  minimax::cuda::check(cudaStreamCreate(&stream), "cudaStreamCreate");
  minimax::cuda::check(cudaMemset(device.lengths().data(), 0, 24), "cudaMemset");
  minimax::cuda::check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  lightning_attention(device.args(), stream);
  minimax::cuda::check(cudaStreamEndCapture(stream, &graph), "capture");
  minimax::cuda::check(cudaGraphInstantiate(&executable, graph, 0), "cudaGraphInstantiate");
  const std::vector<std::int64_t> lengths = {0, 150, 200};
  minimax::cuda::check(
      cudaMemcpy(device.lengths().data(), lengths.data(), 24, cudaMemcpyHostToDevice), "copy");
  minimax::cuda::check(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
  lightning_attention(eager.args(), nullptr);
  EXPECT_EQ(device.result().out, eager.result().out);
  cudaGraphExecDestroy(executable);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

}  // namespace
}  // namespace minimax::ops::cuda
