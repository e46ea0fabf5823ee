// SPDX-License-Identifier: Apache-2.0
// Times of softmax attention on the GPU at the published model's size, 64 query and 8 key/value
// heads of 128.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cuda/bench.cuh"
#include "ops/softmax_attention/kv_format.h"
#include "ops/softmax_attention/softmax_attention_cuda_testing.cuh"
#include "ops/softmax_attention/softmax_prompt_hopper_launch.cuh"
#include "ops/softmax_attention/softmax_step_hopper_launch.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::bench::calls_us;
using minimax::cuda::bench::fill;
using minimax::cuda::bench::graph_us;
using tensor::DType;

constexpr std::int64_t kHeads = 64;
constexpr std::int64_t kKvHeads = 8;
constexpr std::int64_t kDim = 128;
constexpr std::int64_t kPageTokens = 128;
constexpr int kRepeats = 20;

// Random inputs: `batch` sequences of `tokens` new tokens behind `before`.
struct Inputs {
  Inputs(std::int64_t sequences, std::int64_t new_tokens, std::int64_t before,
         tensor::DType dtype = tensor::DType::kBF16)
      : cache_dtype(dtype),
        page_bytes(kv_page_bytes(dtype, 2 * kKvHeads * kPageTokens, kDim)),
        batch(sequences),
        tokens(sequences * new_tokens),
        q(static_cast<std::size_t>(tokens * kHeads * kDim)),
        out(static_cast<std::size_t>(tokens * kHeads * kDim)),
        pool(static_cast<std::size_t>(sequences * pages_of(before + new_tokens) * page_bytes / 2)) {
    fill<<<1024, 256>>>(q.data(), tokens * kHeads * kDim, 1);
    fill<<<1024, 256>>>(pool.data(), static_cast<std::int64_t>(pool.bytes() / 2), 2);
    std::vector<std::int64_t> offsets;
    std::vector<std::byte*> addresses;
    std::vector<KvCacheView> views;
    const std::int64_t held = pages_of(before + new_tokens);
    pages =
        std::make_unique<testing::DeviceArray<std::byte*>>(static_cast<std::size_t>(held * batch));
    for (std::int64_t b = 0; b <= batch; ++b) {
      offsets.push_back(b * new_tokens);
      for (std::int64_t page = 0; page < held && b < batch; ++page) {
        addresses.push_back(reinterpret_cast<std::byte*>(pool.data()) +
                            (b * held + page) * page_bytes);
      }
      if (b < batch) {
        views.push_back({.pages = {pages->data() + b * held, static_cast<std::size_t>(held)},
                         .page_tokens = kPageTokens,
                         .length = before + new_tokens,
                         .dtype = cache_dtype});
      }
    }
    cudaMemcpy(pages->data(), addresses.data(), pages->bytes(), cudaMemcpyHostToDevice);
    cu_seqlens = std::make_unique<testing::DeviceArray<std::int64_t>>(offsets);
    caches = std::make_unique<testing::DeviceArray<std::byte>>(views.size() * sizeof(KvCacheView));
    cudaMemcpy(caches->data(), views.data(), caches->bytes(), cudaMemcpyHostToDevice);
  }

  static std::int64_t pages_of(std::int64_t length) {
    return (length + kPageTokens - 1) / kPageTokens;
  }

  SoftmaxCudaArgs args() const {
    return {.q = q.data(),
            .out = out.data(),
            .dtype = tensor::DType::kBF16,
            .cache_dtype = cache_dtype,
            .cu_seqlens = cu_seqlens->data(),
            .caches = reinterpret_cast<const KvCacheView*>(caches->data()),
            .tokens = tokens,
            .batch = batch,
            .heads = kHeads,
            .kv_heads = kKvHeads,
            .head_dim = kDim,
            .sliding_window = 0,
            .longest = tokens / batch,
            .multiprocessors = testing::multiprocessors()};
  }

  tensor::DType cache_dtype;
  std::int64_t page_bytes;
  std::int64_t batch;
  std::int64_t tokens;
  testing::DeviceArray<__nv_bfloat16> q;
  testing::DeviceArray<__nv_bfloat16> out;
  testing::DeviceArray<__nv_bfloat16> pool;
  std::unique_ptr<testing::DeviceArray<std::byte*>> pages;
  std::unique_ptr<testing::DeviceArray<std::int64_t>> cu_seqlens;
  std::unique_ptr<testing::DeviceArray<std::byte>> caches;
};

struct PromptVariant {
  const char* name;
  tensor::DType cache_dtype;
  void (*launch)(const SoftmaxCudaArgs&, int, minimax::cuda::Stream);
};

using softmax_prompt::launch_prompt;
using softmax_prompt::Variant;

constexpr PromptVariant kPromptVariants[] = {
    {"bf16", DType::kBF16, launch_prompt<Variant<false, true, false>>},
    {"mma", DType::kBF16,
     [](const SoftmaxCudaArgs& args, int, minimax::cuda::Stream stream) {
       softmax_mma(args, stream);
     }},
    {"bf16, lazy", DType::kBF16, launch_prompt<Variant<false, true, true>>},
    {"fp8", DType::kF8E4M3, launch_prompt<Variant<false, true, true, KvKind::kFp8>>},
    {"int4", DType::kU8, launch_prompt<Variant<false, true, true, KvKind::kInt4>>},
};

void bench_prompts() {
  struct Size {
    std::int64_t batch;
    std::int64_t tokens;
    std::int64_t before;
  };
  constexpr Size kSizes[] = {
      {1, 16384, 0}, {1, 4096, 0}, {1, 65536, 0}, {8, 2048, 0}, {1, 4096, 131072}};
  for (const Size& size : kSizes) {
    const double pairs =
        static_cast<double>(size.batch * size.tokens) *
        (static_cast<double>(size.before) + 0.5 * static_cast<double>(size.tokens + 1));
    const double flops = pairs * 4.0 * kHeads * kDim;
    for (const PromptVariant& variant : kPromptVariants) {
      const Inputs inputs(size.batch, size.tokens, size.before, variant.cache_dtype);
      const double us = calls_us(flops > 2e13 ? 5 : kRepeats, 1,
                                 [&](int) { variant.launch(inputs.args(), 1, nullptr); });
      std::printf("prompt %-20s B %2lld T %6lld behind %6lld  %9.1f us  %6.1f TFLOP/s\n",
                  variant.name, static_cast<long long>(size.batch),
                  static_cast<long long>(size.tokens), static_cast<long long>(size.before), us,
                  flops / us * 1e-6);
      std::fflush(stdout);
    }
  }
}

struct StepVariant {
  const char* name;
  tensor::DType cache_dtype;
  void (*launch)(const SoftmaxCudaArgs&, int, float*, minimax::cuda::Stream);
};

using softmax_step::launch_step;

constexpr StepVariant kStepVariants[] = {
    {"4 warps x 2", DType::kBF16, launch_step<softmax_step::Variant<4, 3, 2>>},
    {"4 warps x 2, halves", DType::kBF16,
     launch_step<softmax_step::Variant<4, 3, 2, KvKind::kBf16, false>>},
    {"8 warps", DType::kBF16, launch_step<softmax_step::Variant<8, 3, 1>>},
    {"fp8, 4 warps x 2", DType::kF8E4M3, launch_step<softmax_step::Variant<4, 3, 2, KvKind::kFp8>>},
    {"int4, 4 warps x 2", DType::kU8, launch_step<softmax_step::Variant<4, 3, 2, KvKind::kInt4>>},
};

void bench_steps() {
  struct Size {
    std::int64_t batch;
    std::int64_t length;
  };
  constexpr Size kSizes[] = {{1, 131072}, {1, 1048576}, {1, 4096},  {1, 128},
                             {8, 16384},  {64, 4096},   {64, 16384}};
  const testing::DeviceArray<float> scratch(static_cast<std::size_t>(kStepScratchFloats));
  for (const Size& size : kSizes) {
    for (const StepVariant& variant : kStepVariants) {
      const double bytes =
          static_cast<double>(size.batch * size.length) *
          static_cast<double>(kv_page_bytes(variant.cache_dtype, 2 * kKvHeads, kDim));
      const auto sets = static_cast<std::size_t>(std::clamp(3 * 60e6 / bytes, 2.0, 64.0));
      std::vector<std::unique_ptr<Inputs>> inputs;
      for (std::size_t i = 0; i < sets; ++i) {
        inputs.push_back(
            std::make_unique<Inputs>(size.batch, 1, size.length - 1, variant.cache_dtype));
      }
      const double us = graph_us(
          static_cast<int>(sets),
          [&](int i, cudaStream_t stream) {
            variant.launch(inputs[static_cast<std::size_t>(i)]->args(), 1, scratch.data(), stream);
          },
          kRepeats);
      std::printf("step %-28s B %3lld keys %8lld  %8.1f us  %7.1f GB/s\n", variant.name,
                  static_cast<long long>(size.batch), static_cast<long long>(size.length), us,
                  bytes / us * 1e-3);
      std::fflush(stdout);
    }
  }
}

}  // namespace
}  // namespace minimax::ops::cuda

// Arguments: "prompts" or "steps" for only those.
int main(int count, char** arguments) {
  const char* what = count > 1 ? arguments[1] : "";
  if (std::strcmp(what, "prompts") != 0) {
    minimax::ops::cuda::bench_steps();
  }
  if (std::strcmp(what, "steps") != 0) {
    minimax::ops::cuda::bench_prompts();
  }
}
