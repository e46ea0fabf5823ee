// SPDX-License-Identifier: Apache-2.0
// What the benchmarks of matrix products share: random weights, a context, and the comparison with
// the limits of the machine, measured in the same run. For *_bench.cc only.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "cpu/machine.h"
#include "ops/context.h"
#include "quant/encode.h"
#include "quant/matrix.h"
#include "quant/panels.h"
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

/// Codes of all kinds under scales of 1: a matrix in panels, copied from one panel of random bytes.
inline void fill_panels(const quant::Matrix& matrix) {
  const std::int64_t elements = matrix.shape()[1];
  const std::int64_t bytes = quant::row_bytes(matrix.format(), elements);
  std::vector<std::byte> blocks(static_cast<std::size_t>(16 * bytes));
  std::vector<float> row(static_cast<std::size_t>(elements));
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < 16; ++i) {
    for (float& value : row) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      value = static_cast<float>(state >> 40) * 0x1p-23f - 1.0f;
    }
    const auto each = static_cast<std::size_t>(bytes);
    quant::encode_row(matrix.format(), row, {.method = quant::EncodeMethod::kReference},
                      std::span(blocks).subspan(i * each, each));
  }
  const std::int64_t panel = quant::panel_bytes(matrix.format(), elements);
  for (std::int64_t at = 0; at < matrix.bytes(); at += panel) {
    quant::pack_panel({matrix.format(), blocks.data(), bytes, 16, elements},
                      {matrix.bytes_begin() + at, static_cast<std::size_t>(panel)});
  }
}

class ProductBench {
 public:
  /// The kind of arithmetic that is compared with the machine's.
  enum class Roof { kFloat32, kBFloat16, kInt8 };

  ProductBench(int threads, std::int64_t scratch_bytes, Precision precision)
      : ProductBench(threads, scratch_bytes,
                     precision == Precision::kBFloat16 ? Roof::kBFloat16 : Roof::kFloat32) {}
  ProductBench(int threads, std::int64_t scratch_bytes, Roof roof)
      : pool_(threads), scratch_(scratch_bytes), roof_(roof) {}

  Context context() {
    return {.device = Device::kCpu, .isa = cpu::detect_isa(), .pool = &pool_, .scratch = &scratch_};
  }

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
    const double roof = roof_ == Roof::kInt8       ? limits.int8_ops
                        : roof_ == Roof::kBFloat16 ? limits.bfloat16_flops
                                                   : limits.float32_flops;
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
  Roof roof_;
};

}  // namespace minimax::ops
