// SPDX-License-Identifier: Apache-2.0
// Times the routed experts of a layer of MiniMax-01 (hidden 6144, inner 9216, 32 experts, 2 of them
// for a token) for few tokens, beside the rate at which the same GPU just reads memory. Every
// launch has another routing, at random.
#include <cstdio>
#include <set>
#include <vector>

#include "base/random.h"
#include "ops/device_matrix/device_bench.cuh"
#include "ops/grouped_matmul/moe_decode_cuda.h"

namespace minimax::ops {
namespace {

constexpr std::int64_t kHidden = 6144;
constexpr std::int64_t kInner = 9216;
constexpr std::int64_t kExperts = 32;
constexpr std::int64_t kTopK = 2;
constexpr int kRoutings = 24;

struct Routings {
  std::vector<std::int32_t> ids;
  double distinct = 0.0;  // experts, mean
};

Routings random_routings(std::int64_t tokens, bool skewed) {
  base::SplitMix64 random(static_cast<std::uint64_t>(tokens));
  Routings routings;
  for (int i = 0; i < kRoutings; ++i) {
    std::set<std::int32_t> seen;
    for (std::int64_t t = 0; t < tokens; ++t) {
      const auto choices = static_cast<std::uint64_t>(skewed && t % 2 == 0 ? 4 : kExperts);
      const auto first = static_cast<std::int32_t>(random.next() % choices);
      auto second = static_cast<std::int32_t>(random.next() % (kExperts - 1));
      second += second >= first ? 1 : 0;
      routings.ids.push_back(first);
      routings.ids.push_back(second);
      seen.insert({first, second});
    }
    routings.distinct += static_cast<double>(seen.size()) / kRoutings;
  }
  return routings;
}

template <class T>
T* uploaded(const std::vector<T>& values) {
  T* data = nullptr;
  must(cudaMalloc(&data, values.size() * sizeof(T)));
  must(cudaMemcpy(data, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  return data;
}

void measure(DeviceFormat format, const char* name, double rate,
             const std::vector<std::int64_t>& counts) {
  const DeviceLayout gate{format, kInner, kHidden};
  const DeviceLayout down{format, kHidden, kInner};
  auto* gates = static_cast<std::byte*>(random_tiles(gate, 2 * kExperts));
  void* downs = random_tiles(down, kExperts);
  void* x = random_tiles({DeviceFormat::kBF16, 64, kHidden});
  void* out = nullptr;
  must(cudaMalloc(&out, 64 * kHidden * 4));
  void* scratch = nullptr;
  const auto bytes =
      static_cast<std::size_t>(cuda::moe_decode_scratch_bytes(64 * kTopK, kHidden, kInner, 132));
  must(cudaMalloc(&scratch, bytes));
  void* barrier = nullptr;
  must(cudaMalloc(&barrier, 64));
  must(cudaMemset(barrier, 0, 64));
  const float* weights = uploaded(std::vector<float>(64 * kTopK, 0.5f));
  for (const bool skewed : {false, true}) {
    for (const std::int64_t tokens : counts) {
      const Routings routings = random_routings(tokens, skewed);
      std::int32_t* ids = uploaded(routings.ids);
      const double us = graph_us(kRoutings, [&](int i, cudaStream_t stream) {
        cuda::moe_decode({.x = x,
                          .expert_ids = ids + i * tokens * kTopK,
                          .expert_weights = weights,
                          .tokens = tokens,
                          .top_k = kTopK,
                          .experts = kExperts,
                          .gate_layout = gate,
                          .gate = {gates, gate.bytes()},
                          .up = {gates + kExperts * gate.bytes(), gate.bytes()},
                          .down_layout = down,
                          .down = {downs, down.bytes()},
                          .out = out,
                          .barrier = barrier,
                          .scratch = scratch,
                          .processors = 132},
                         stream);
      });
      const double read = routings.distinct * static_cast<double>(2 * gate.bytes() + down.bytes());
      std::printf("moe %-9s %s %3lld tokens %5.2f experts %7.1f MB %8.2f us %5.2f TB/s %5.1f %%\n",
                  name, skewed ? "skewed" : "even  ", static_cast<long long>(tokens),
                  routings.distinct, read * 1e-6, us, read / us * 1e-6, 100.0 * read / us / rate);
      must(cudaFree(ids));
    }
  }
  must(cudaFree(gates));
  must(cudaFree(downs));
}

int run() {
  const double rate = read_rate();
  std::printf("reading alone: %.2f TB/s\n", rate * 1e-6);
  measure(DeviceFormat::kInt4G64, "int4_g64", rate, {1, 2, 4, 8, 16, 32, 64});
  measure(DeviceFormat::kInt8G64, "int8_g64", rate, {1, 8, 64});
  measure(DeviceFormat::kBF16, "bf16", rate, {1, 8, 64});
  measure(DeviceFormat::kNF4, "nf4", rate, {1, 8, 64});
  return 0;
}

}  // namespace
}  // namespace minimax::ops

int main() { return minimax::ops::run(); }
