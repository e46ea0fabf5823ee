// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/softmax_attention/kv_format.h"
#include "ops/softmax_attention/softmax_attention_cuda_testing.cuh"
#include "ops/softmax_attention/softmax_attention_kernels.h"

namespace minimax::ops::cuda {
namespace {

using testing::SoftmaxDeviceProblem;
using testing::SoftmaxProblem;

// Weights and outputs are rounded to bf16, off by 2^-9 at most and 2^-10.3 on average each; weights
// average over keys.
constexpr double kRounded = 2.5e-3;
// Quantized keys and values are rounded to bf16 as well: the square root of four roundings.
constexpr double kQuantized = 4e-3;
double most_error(const SoftmaxProblem& problem) {
  return problem.cache_dtype ? kQuantized : kRounded;
}

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
    EXPECT_LT(device.error(), most_error(problem));
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

TEST_F(SoftmaxStep, ReadsQuantizedCaches) {
  for (const tensor::DType dtype : {tensor::DType::kF8E4M3, tensor::DType::kU8}) {
    expect_right({.lengths = {1, 1, 3},
                  .before = {20000, 77, 300},
                  .heads = 16,
                  .kv_heads = 2,
                  .cache_dtype = dtype});
    expect_right({.lengths = {1}, .before = {4500}, .window = 300, .cache_dtype = dtype});
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
    EXPECT_LT(device.error(), most_error(problem));
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

TEST_F(SoftmaxPrompt, ReadsQuantizedCaches) {
  for (const tensor::DType dtype : {tensor::DType::kF8E4M3, tensor::DType::kU8}) {
    expect_right({.lengths = {700, 0, 3}, .before = {450}, .cache_dtype = dtype});
    expect_right({.lengths = {200}, .before = {4095}, .window = 300, .cache_dtype = dtype});
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

using tensor::DType;

// The same by the reference: sequences of 40 tokens behind 5, in three pages, and of 20, in two.
void append_on_host(std::vector<std::byte>& bytes, std::int64_t page_bytes,
                    const std::vector<float>& k, const std::vector<float>& v, std::int64_t dim,
                    DType dtype) {
  std::vector<std::byte*> pages;
  for (std::int64_t i = 0; i < 5; ++i) {
    pages.push_back(bytes.data() + i * page_bytes);
  }
  for (const std::int64_t first_page : {0, 3}) {
    const std::int64_t first_row = first_page == 0 ? 0 : 40 * 2 * dim;
    reference::kv_cache_append({.k = k.data() + first_row,
                                .v = v.data() + first_row,
                                .begin = first_page == 0 ? 5 : 0,
                                .tokens = first_page == 0 ? 40 : 20,
                                .cache = {.pages = pages.data() + first_page,
                                          .first_page = 0,
                                          .page_tokens = 17,
                                          .kv_heads = 2,
                                          .head_dim = dim,
                                          .dtype = dtype}});
  }
}

TEST(SoftmaxMma, MatchesFloat64AtOddLengths) {
  if (gpu_generation() < 8) {
    GTEST_SKIP() << "no GPU";
  }
  for (const std::int64_t dim : {32, 64, 128}) {
    for (const std::int64_t window : {0, 100}) {
      for (const std::int64_t page_tokens : {17, 128}) {
        const SoftmaxDeviceProblem device({.lengths = {1, 63, 0, 100, 300},
                                           .before = {700, 0, 5, 33},
                                           .heads = 6,
                                           .dim = dim,
                                           .window = window,
                                           .page_tokens = page_tokens,
                                           .rows_behind = 40});
        softmax_mma(device.args(), nullptr);
        EXPECT_LT(device.error(), kRounded) << dim << " " << window << " " << page_tokens;
      }
    }
  }
  const SoftmaxDeviceProblem device({.lengths = {2049}, .heads = 8, .kv_heads = 1, .dim = 64});
  softmax_mma(device.args(), nullptr);
  EXPECT_LT(device.error(), kRounded);
}

class SoftmaxPlain : public ::testing::TestWithParam<DType> {};
INSTANTIATE_TEST_SUITE_P(Caches, SoftmaxPlain,
                         ::testing::Values(DType::kF32, DType::kBF16, DType::kF8E4M3, DType::kU8));

TEST_P(SoftmaxPlain, ReadsAnyCache) {
  if (gpu_generation() < 8) {
    GTEST_SKIP() << "no GPU";
  }
  for (const std::int64_t dim : {31, 32, 128}) {
    const SoftmaxDeviceProblem device({.lengths = {70, 0, 1, 3},
                                       .before = {30, 5, 300},
                                       .dim = dim,
                                       .window = dim == 32 ? 50 : 0,
                                       .page_tokens = 17,
                                       .dtype = DType::kF32,
                                       .cache_dtype = GetParam()});
    softmax_plain(device.args(), nullptr);
    EXPECT_LT(device.error(), 3e-6) << dim;
  }
}

// What the GPU appends, the host finds again as it would have written it.
TEST_P(SoftmaxPlain, AppendsAsTheHostDoes) {
  if (gpu_generation() < 8) {
    GTEST_SKIP() << "no GPU";
  }
  for (const std::int64_t dim : {31, 32, 128}) {
    const std::int64_t rows = 2 * 2 * 17;
    const std::int64_t page_bytes = (kv_page_bytes(GetParam(), rows, dim) + 255) / 256 * 256;
    const testing::DeviceArray<std::byte> pages(static_cast<std::size_t>(5 * page_bytes));
    std::vector<std::byte*> addresses;
    for (std::int64_t i = 0; i < 5; ++i) {
      addresses.push_back(pages.data() + i * page_bytes);
    }
    const testing::DeviceArray<std::byte*> list(addresses);
    const std::vector<KvCacheView> views = {
        {.pages = {list.data(), 3}, .page_tokens = 17, .length = 45, .dtype = GetParam()},
        {.pages = {list.data() + 3, 2}, .page_tokens = 17, .length = 20, .dtype = GetParam()}};
    const testing::DeviceArray<std::byte> caches(sizeof(KvCacheView) * views.size());
    cudaMemcpy(caches.data(), views.data(), caches.bytes(), cudaMemcpyHostToDevice);
    const testing::DeviceArray<std::int64_t> cu_seqlens(std::vector<std::int64_t>{0, 40, 60});
    const auto count = static_cast<std::size_t>(60 * 2 * dim);
    const std::vector<float> k = testing::random_numbers(count, DType::kF32, 1);
    const std::vector<float> v = testing::random_numbers(count, DType::kF32, 2);
    const testing::DeviceArray<float> device_k(k);
    const testing::DeviceArray<float> device_v(v);
    kv_append({.k = device_k.data(),
               .v = device_v.data(),
               .dtype = DType::kF32,
               .cu_seqlens = cu_seqlens.data(),
               .caches = reinterpret_cast<const KvCacheView*>(caches.data()),
               .tokens = 60,
               .batch = 2,
               .kv_heads = 2,
               .head_dim = dim},
              nullptr);
    const std::vector<std::byte> found = pages.to_host();
    std::vector<std::byte> expected(found.size(), std::byte{0xff});
    append_on_host(expected, page_bytes, k, v, dim, GetParam());
    EXPECT_EQ(found, expected) << dim;
  }
}

}  // namespace
}  // namespace minimax::ops::cuda
