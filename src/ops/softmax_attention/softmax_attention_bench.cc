// SPDX-License-Identifier: Apache-2.0
// Speed of softmax_attention: FLOP/s of q k^T and its product with v (the causal part), and bytes
// of keys and values read once.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "ops/softmax_attention/softmax_attention.h"

namespace minimax::ops {
namespace {

constexpr std::int64_t kHeads = 8;
constexpr std::int64_t kKeyValueHeads = 2;
constexpr std::int64_t kDim = 128;
constexpr std::int64_t kPageTokens = 64;

struct Cache {
  Cache(std::int64_t length, tensor::DType dtype)
      : buffer(tensor::Buffer::allocate(
            length * 2 * kKeyValueHeads * kDim * tensor::dtype_bytes(dtype),
            tensor::Pages::kHuge)) {
    // Any bits with a small exponent will do: 0x3c is about 0.01 in either type.
    for (std::int64_t i = 0; i < buffer.bytes(); ++i) {
      buffer.data()[i] = std::byte{0x3c};
    }
    const std::int64_t pages_held = length / kPageTokens;
    for (std::int64_t page = 0; page < pages_held; ++page) {
      pages.push_back(buffer.data() + page * (buffer.bytes() / pages_held));
    }
    view = {.pages = pages, .page_tokens = kPageTokens, .length = length, .dtype = dtype};
  }
  tensor::Buffer buffer;
  std::vector<std::byte*> pages;
  KvCacheView view;
};

// Arguments: new tokens, tokens in all, bytes of a cache element, threads.
void softmax_attention_speed(benchmark::State& bench) {
  const std::int64_t tokens = bench.range(0);
  const std::int64_t length = bench.range(1);
  const tensor::DType dtype = bench.range(2) == 2 ? tensor::DType::kBF16 : tensor::DType::kF32;
  const int threads = static_cast<int>(bench.range(3));
  const Cache cache(length, dtype);
  std::vector<float> q(static_cast<std::size_t>(tokens * kHeads * kDim), 0.1f);
  std::vector<float> out(q.size());
  cpu::ThreadPool pool(threads);
  tensor::Arena scratch(softmax_attention_scratch_bytes(threads, kDim));
  const Context ctx{Device::kCpu, cpu::detect_isa(), &pool, &scratch};
  const std::vector<std::int64_t> cu_seqlens = {0, tokens};
  const std::vector<KvCacheView> caches = {cache.view};
  const tensor::Shape shape = {tokens, kHeads, kDim};
  for (auto _ : bench) {
    softmax_attention(ctx, {.q = {q.data(), tensor::DType::kF32, shape},
                            .num_key_value_heads = kKeyValueHeads,
                            .cu_seqlens = cu_seqlens,
                            .caches = caches,
                            .out = {out.data(), tensor::DType::kF32, shape}});
  }
  const double calls = static_cast<double>(bench.iterations());
  const double pairs = static_cast<double>(tokens) *
                       (static_cast<double>(length) - 0.5 * static_cast<double>(tokens - 1));
  bench.counters["FLOP/s"] =
      benchmark::Counter(calls * pairs * 4.0 * kHeads * kDim, benchmark::Counter::kIsRate);
  bench.counters["bytes/s"] = benchmark::Counter(calls * static_cast<double>(cache.buffer.bytes()),
                                                 benchmark::Counter::kIsRate);
}
BENCHMARK(softmax_attention_speed)
    ->ArgsProduct({{1}, {512, 8192, 131072}, {2, 4}, {1, 2}})
    ->ArgsProduct({{512}, {512, 8192}, {2, 4}, {1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace minimax::ops
