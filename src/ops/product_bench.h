// SPDX-License-Identifier: Apache-2.0
// What the benchmarks of matrix products share: random weights, a context, and the comparison with
// the limits of the machine, measured in the same run. For *_bench.cc only.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

#include "cpu/machine.h"
#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// bfloat16 values about 1 of both signs. Zeros would be faster than real weights.
inline void fill_bfloat16(const tensor::Tensor& tensor) {
  std::uint64_t state = 1;
  auto* values = tensor.data<tensor::BFloat16>();
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    values[i].bits = static_cast<std::uint16_t>(((state >> 48) & 0x80ff) | 0x3f00);
  }
}

class ProductBench {
 public:
  ProductBench(int threads, std::int64_t scratch_bytes, Precision precision)
      : pool_(threads), scratch_(scratch_bytes), precision_(precision) {}

  Context context() { return {Device::kCpu, cpu::detect_isa(), &pool_, &scratch_}; }

  /// Calls run() again and again, each time so many multiply-adds and bytes of weights, and
  /// reports the rates, also in percent of the machine's limits.
  template <class Run>
  void measure(benchmark::State& bench, double multiplications, double bytes, Run&& run) {
    const cpu::MachineLimits limits = limits_of(pool_);
    const auto begin = std::chrono::steady_clock::now();
    for (auto _ : bench) {
      run();
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    const double calls_per_s = static_cast<double>(bench.iterations()) / elapsed.count();
    const double flops = 2.0 * multiplications * calls_per_s;
    const double roof =
        precision_ == Precision::kBFloat16 ? limits.bfloat16_flops : limits.float32_flops;
    bench.counters["GFLOP/s"] = flops * 1e-9;
    bench.counters["GB/s"] = bytes * calls_per_s * 1e-9;
    bench.counters["%arithmetic"] = 100.0 * flops / roof;
    bench.counters["%read"] = 100.0 * bytes * calls_per_s / limits.read_bytes_per_s;
  }

 private:
  static cpu::MachineLimits limits_of(cpu::ThreadPool& pool) {
    static std::map<int, cpu::MachineLimits> measured;  // once per number of threads
    const auto found = measured.find(pool.threads());
    if (found != measured.end()) {
      return found->second;
    }
    return measured.emplace(pool.threads(), cpu::measure_machine(pool, cpu::detect_isa()))
        .first->second;
  }

  cpu::ThreadPool pool_;
  tensor::Arena scratch_;
  Precision precision_;
};

}  // namespace minimax::ops
