// SPDX-License-Identifier: Apache-2.0
// Times of lightning attention on the GPU at the published model's size, 64 heads of 128, beside a
// copy in the same run. Bytes: q, k, v and the output once (prompts); the state in and out (steps).
// Inputs are rotated beyond the second-level cache.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "cuda/bench.cuh"
#include "ops/lightning_attention/lightning_attention_cuda_testing.cuh"
#include "ops/lightning_attention/lightning_attention_hopper_launch.cuh"
#include "ops/lightning_attention/lightning_attention_step.cuh"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::bench::calls_us;
using minimax::cuda::bench::fill;
using minimax::cuda::bench::graph_us;

constexpr std::int64_t kHeads = 64;
constexpr int kRepeats = 20;
constexpr int kCalls = 4;        // in a row
constexpr int kGraphCalls = 50;  // of a few microseconds
constexpr double kCacheBytes = 60e6;

void report(const char* name, std::int64_t batch, std::int64_t tokens, double us, double bytes,
            double copy) {
  std::printf("%-34s B %3lld T %6lld  %9.2f us  %7.1f GB/s  %5.1f %% of copy\n", name,
              static_cast<long long>(batch), static_cast<long long>(tokens), us, bytes / us * 1e-3,
              100.0 * bytes / us * 1e-3 / copy);
  std::fflush(stdout);
}

double copy_rate() {
  const testing::DeviceArray<std::byte> from(1 << 30);
  const testing::DeviceArray<std::byte> to(1 << 30);
  const double us = calls_us(kRepeats, kCalls, [&](int) {
    cudaMemcpyAsync(to.data(), from.data(), 1 << 30, cudaMemcpyDeviceToDevice);
  });
  std::printf("copy of 1 GiB: %.1f us, %.1f GB/s\n", us, 2.0 * (1 << 30) / us * 1e-3);
  return 2.0 * (1 << 30) / us * 1e-3;
}

// Random inputs for `sets` calls in turn.
struct Inputs {
  Inputs(std::int64_t sequences, std::int64_t length, std::int64_t input_sets)
      : batch(sequences),
        tokens(sequences * length),
        sets(input_sets),
        qkv(static_cast<std::size_t>(sets * tokens * kHeads * 384)),
        out(static_cast<std::size_t>(sets * tokens * kHeads * 128)),
        decay(decays()),
        states(static_cast<std::size_t>(sets * batch * kHeads * 16384)) {
    fill<<<1024, 256>>>(qkv.data(), sets * tokens * kHeads * 384, 1);
    cudaMemset(states.data(), 0, states.bytes());
    std::vector<std::int64_t> offsets;
    for (std::int64_t b = 0; b <= batch; ++b) {
      offsets.push_back(b * length);
    }
    cu_seqlens = std::make_unique<testing::DeviceArray<std::int64_t>>(offsets);
    std::vector<float*> addresses;
    for (std::int64_t b = 0; b < sets * batch; ++b) {
      addresses.push_back(states.data() + b * kHeads * 16384);
    }
    pointers = std::make_unique<testing::DeviceArray<float*>>(addresses);
  }

  // The published slopes of the first layer.
  static std::vector<float> decays() {
    std::vector<float> values;
    for (int h = 0; h < kHeads; ++h) {
      values.push_back(std::exp2(-8.0f * static_cast<float>(h + 1) / kHeads));
    }
    return values;
  }

  LightningCudaArgs args(int call) const {
    const std::int64_t set = call % sets;
    return {.qkv = qkv.data() + set * tokens * kHeads * 384,
            .qkv_type = tensor::DType::kBF16,
            .out = out.data() + set * tokens * kHeads * 128,
            .out_type = tensor::DType::kBF16,
            .decay = decay.data(),
            .cu_seqlens = cu_seqlens->data(),
            .states = pointers->data() + set * batch,
            .tokens = tokens,
            .batch = batch,
            .heads = kHeads,
            .head_dim = 128};
  }

  std::int64_t batch;
  std::int64_t tokens;
  std::int64_t sets;
  testing::DeviceArray<__nv_bfloat16> qkv;
  testing::DeviceArray<__nv_bfloat16> out;
  testing::DeviceArray<float> decay;
  testing::DeviceArray<float> states;
  std::unique_ptr<testing::DeviceArray<std::int64_t>> cu_seqlens;
  std::unique_ptr<testing::DeviceArray<float*>> pointers;
};

struct PromptVariant {
  const char* name;
  void (*launch)(const LightningCudaArgs&, minimax::cuda::Stream);
  bool slow = false;
};

using hopper::launch_prompt;
using hopper::Silu;
using hopper::Variant;
using Bf16 = __nv_bfloat16;

constexpr PromptVariant kPromptVariants[] = {
    {"hopper pair tanh", launch_prompt<Variant<true, Silu::kTanh, Bf16>>},
    {"hopper pair exact", launch_prompt<Variant<true, Silu::kExact, Bf16>>},
    {"hopper pair done", launch_prompt<Variant<true, Silu::kDone, Bf16>>},
    {"hopper alone tanh", launch_prompt<Variant<false, Silu::kTanh, Bf16>>},
    {"hopper alone done", launch_prompt<Variant<false, Silu::kDone, Bf16>>},
    {"mma", lightning_mma, true},
};

void bench_prompts(double copy, const char* filter) {
  constexpr std::int64_t kSizes[][2] = {{1, 16384}, {1, 1024}, {1, 4096}, {8, 2048}, {1, 131072}};
  for (const auto& [batch, length] : kSizes) {
    const double bytes = static_cast<double>(batch * length * kHeads) * 1024;
    const auto sets = static_cast<std::int64_t>(std::max(1.0, 4 * kCacheBytes / bytes));
    const Inputs inputs(batch, length, sets);
    for (const PromptVariant& variant : kPromptVariants) {
      if (std::strstr(variant.name, filter) == nullptr ||
          (variant.slow && batch * length > 20000)) {
        continue;
      }
      const double us =
          calls_us(kRepeats, kCalls, [&](int i) { variant.launch(inputs.args(i), nullptr); });
      report(variant.name, batch, length, us, bytes, copy);
    }
  }
}

constexpr PromptVariant kStepVariants[] = {
    {"step", lightning_attention_step},
    {"step 32 x 128", launch_step<32, 128, true>},
    {"step 64 x 256", launch_step<64, 256, true>},
    {"step 128 x 256", launch_step<128, 256, true>},
    {"step 64 x 128, cached", launch_step<64, 128, false>},
};

void bench_steps(double copy, const char* filter) {
  for (const std::int64_t batch : {1, 8, 64, 256}) {
    const double bytes = static_cast<double>(batch * kHeads) * 131072;
    const auto sets = static_cast<std::int64_t>(std::max(2.0, 4 * kCacheBytes / bytes));
    const Inputs inputs(batch, 1, sets);
    for (const PromptVariant& variant : kStepVariants) {
      if (std::strstr(variant.name, filter) == nullptr) {
        continue;
      }
      report(variant.name, batch, 1,
             calls_us(kRepeats, kCalls, [&](int i) { variant.launch(inputs.args(i), nullptr); }),
             bytes, copy);
      if (batch <= 8) {
        report(
            "  in a graph", batch, 1,
            graph_us(kGraphCalls,
                     [&](int i, cudaStream_t stream) { variant.launch(inputs.args(i), stream); }),
            bytes, copy);
      }
    }
  }
}

// One call with as many pending tokens; the mean over a window is what counts.
void bench_deferred(double copy) {
  constexpr std::int64_t kWindow = 16;
  for (const std::int64_t batch : {1, 8, 64, 256}) {
    const double bytes = static_cast<double>(batch * kHeads) * 131072;
    const auto sets = static_cast<std::int64_t>(std::max(2.0, 4 * kCacheBytes / bytes));
    const Inputs inputs(batch, 1, sets);
    const testing::DeviceArray<__nv_bfloat16> rows(
        static_cast<std::size_t>(batch * kHeads * kWindow * 256));
    cudaMemset(rows.data(), 0x3c, rows.bytes());
    std::vector<void*> addresses;
    for (std::int64_t b = 0; b < batch; ++b) {
      addresses.push_back(rows.data() + b * kHeads * kWindow * 256);
    }
    const testing::DeviceArray<void*> pointers(addresses);
    double sum = 0.0;
    for (int pending = 0; pending < kWindow; ++pending) {
      const testing::DeviceArray<std::int32_t> count(
          std::vector<std::int32_t>(static_cast<std::size_t>(batch), pending));
      const double us = calls_us(kRepeats, kCalls, [&](int i) {
        lightning_attention_deferred_step(inputs.args(i), {pointers.data(), count.data(), kWindow},
                                          nullptr);
      });
      sum += us;
      if (pending % 5 == 0) {
        std::printf("  %d pending: %.2f us\n", pending, us);
      }
    }
    report("deferred step, mean of 16", batch, 1, sum / kWindow, bytes, copy);
  }
}

}  // namespace
}  // namespace minimax::ops::cuda

// Arguments: "prompts" or "steps" for only those; a part of the names of the variants to measure.
int main(int count, char** arguments) {
  const char* what = count > 1 ? arguments[1] : "";
  const char* filter = count > 2 ? arguments[2] : "";
  const double copy = minimax::ops::cuda::copy_rate();
  if (std::strcmp(what, "steps") != 0) {
    minimax::ops::cuda::bench_prompts(copy, filter);
  }
  if (std::strcmp(what, "prompts") != 0) {
    minimax::ops::cuda::bench_steps(copy, filter);
    minimax::ops::cuda::bench_deferred(copy);
  }
}
