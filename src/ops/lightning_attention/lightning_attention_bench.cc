// SPDX-License-Identifier: Apache-2.0
// Speed of lightning_attention at the sizes of the published model: 128 dimensions a head. FLOP/s
// count q k^T (causal half), its product with v, q S and k^T v in blocks of 64; bytes are the
// state, read and written.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "ops/lightning_attention/lightning_attention.h"

namespace minimax::ops {
namespace {

constexpr std::int64_t kHeads = 8;
constexpr std::int64_t kDim = 128;

struct Inputs {
  explicit Inputs(std::int64_t tokens)
      : qkv(static_cast<std::size_t>(tokens * kHeads * 3 * kDim)),
        out(static_cast<std::size_t>(tokens * kHeads * kDim)),
        state(static_cast<std::size_t>(kHeads * kDim * kDim)),
        decay(kHeads, 0.1f) {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    for (float& value : qkv) {
      value = normal(generator);
    }
  }
  std::vector<float> qkv;
  std::vector<float> out;
  std::vector<float> state;
  std::vector<float> decay;
};

// Arguments: tokens, threads.
void lightning_attention_speed(benchmark::State& bench) {
  const std::int64_t tokens = bench.range(0);
  const int threads = static_cast<int>(bench.range(1));
  Inputs inputs(tokens);
  cpu::ThreadPool pool(threads);
  tensor::Arena scratch(lightning_attention_scratch_bytes(threads, kDim));
  const Context ctx{Device::kCpu, cpu::detect_isa(), &pool, &scratch};
  const std::vector<std::int64_t> cu_seqlens = {0, tokens};
  const std::vector<float*> states = {inputs.state.data()};
  const LightningAttentionArgs args{
      .qkv = {inputs.qkv.data(), tensor::DType::kF32, {tokens, kHeads, 3, kDim}},
      .decay = inputs.decay,
      .cu_seqlens = cu_seqlens,
      .states = states,
      .out = {inputs.out.data(), tensor::DType::kF32, {tokens, kHeads, kDim}}};
  for (auto _ : bench) {
    lightning_attention(ctx, args);
  }
  const double calls = static_cast<double>(bench.iterations());
  const double flops = tokens == 1 ? 5.0 * kDim * kDim : 4.0 * kDim * kDim + 2.0 * 68 * kDim;
  bench.counters["FLOP/s"] = benchmark::Counter(
      calls * flops * static_cast<double>(tokens * kHeads), benchmark::Counter::kIsRate);
  bench.counters["bytes/s"] =
      benchmark::Counter(calls * 2.0 * 4.0 * kHeads * kDim * kDim, benchmark::Counter::kIsRate);
}
BENCHMARK(lightning_attention_speed)
    ->ArgsProduct({{1, 8, 64, 512}, {1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace minimax::ops
