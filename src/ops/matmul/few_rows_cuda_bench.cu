// SPDX-License-Identifier: Apache-2.0
// Times products of few rows with matrices of the sizes of MiniMax-01, beside the rate at which the
// same GPU just reads memory.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "ops/device_matrix/device_bench.cuh"
#include "ops/matmul/few_rows_cuda.h"

namespace minimax::ops {
namespace {

struct NamedFormat {
  DeviceFormat format;
  const char* name;
};

constexpr NamedFormat kFormats[] = {
    {DeviceFormat::kInt4G64, "int4_g64"}, {DeviceFormat::kInt4G32, "int4_g32"},
    {DeviceFormat::kInt4Min, "q4_k"},     {DeviceFormat::kNF4, "nf4"},
    {DeviceFormat::kInt8G64, "int8_g64"}, {DeviceFormat::kInt8G16, "q6_k"},
    {DeviceFormat::kFP8, "fp8"},          {DeviceFormat::kBF16, "bf16"},
};

struct Bench {
  double rate;  // bytes per microsecond
  void* x;
  void* out;
  void* barrier;
  void* scratch;
};

void measure(const Bench& bench, const NamedFormat& named, std::int64_t columns, std::int64_t inner,
             const std::vector<std::int64_t>& rows) {
  const DeviceLayout layout{named.format, columns, inner};
  // Enough copies that none is found in the second cache.
  const int copies =
      static_cast<int>(std::clamp<std::int64_t>(400'000'000 / layout.bytes(), 2, 16));
  auto* weights = static_cast<std::byte*>(random_tiles(layout, copies));
  for (const std::int64_t count : rows) {
    const double us = graph_us(2 * copies, [&](int i, cudaStream_t stream) {
      cuda::few_rows_product({.x = bench.x,
                              .rows = count,
                              .weight = weights + i % copies * layout.bytes(),
                              .layout = layout,
                              .outs = {{bench.out, columns}},
                              .barrier = bench.barrier,
                              .scratch = bench.scratch,
                              .processors = 132},
                             stream);
    });
    const double moved = static_cast<double>(layout.bytes() + 2 * count * (columns + inner));
    std::printf("%-9s %3lld x %6lld x %5lld  %8.2f us  %5.2f TB/s  %5.1f %%  %6.1f TFLOP/s\n",
                named.name, static_cast<long long>(count), static_cast<long long>(columns),
                static_cast<long long>(inner), us, moved / us * 1e-6,
                100.0 * moved / us / bench.rate,
                2e-6 * static_cast<double>(count * columns * inner) / us);
  }
  must(cudaFree(weights));
}

int run() {
  Bench bench = {};
  bench.rate = read_rate();
  std::printf("reading alone: %.2f TB/s\n", bench.rate * 1e-6);
  bench.x = random_tiles({DeviceFormat::kBF16, 64, 16384});
  must(cudaMalloc(&bench.out, 64 * 200064 * 4));
  must(cudaMalloc(&bench.scratch, cuda::kFewRowsScratchBytes));
  must(cudaMalloc(&bench.barrier, 64));
  must(cudaMemset(bench.barrier, 0, 64));
  const std::vector<std::vector<std::int64_t>> shapes = {{18432, 6144}, {24576, 6144}, {8192, 6144},
                                                         {6144, 8192},  {9216, 6144},  {6144, 9216},
                                                         {200064, 6144}};
  for (const auto& shape : shapes) {
    measure(bench, kFormats[0], shape[0], shape[1], {1, 2, 4, 8, 16, 32, 64});
  }
  for (const NamedFormat& named : kFormats) {
    measure(bench, named, 18432, 6144, {1, 4, 8, 16, 32, 64});
  }
  return 0;
}

}  // namespace
}  // namespace minimax::ops

int main() { return minimax::ops::run(); }
