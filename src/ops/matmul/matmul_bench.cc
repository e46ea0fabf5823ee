// SPDX-License-Identifier: Apache-2.0
// Speed of matmul with bfloat16 and quantized weights, beside the limits of the machine. One row is
// bound by reading the weights: they rotate through more memory than any cache holds.
#include <algorithm>

#include "ops/matmul/matmul.h"
#include "ops/product_bench.h"

namespace minimax::ops {
namespace {

constexpr std::int64_t kRotatedBytes = 384 << 20;

// Arguments: rows, inner, columns, threads, Precision.
void matmul_speed(benchmark::State& bench) {
  const std::int64_t rows = bench.range(0);
  const std::int64_t inner = bench.range(1);
  const std::int64_t columns = bench.range(2);
  const auto precision = static_cast<Precision>(bench.range(4));
  const std::int64_t weight_bytes = 2 * inner * columns;
  const std::int64_t copies =
      rows > 8 ? 1 : std::max<std::int64_t>(1, kRotatedBytes / weight_bytes);
  tensor::Arena arena(copies * weight_bytes, tensor::Pages::kHuge);
  const tensor::Tensor weights = arena.allocate(tensor::DType::kBF16, {copies * columns, inner});
  fill_bfloat16(weights);
  std::vector<float> x(static_cast<std::size_t>(rows * inner), 0.5f);
  std::vector<float> out(static_cast<std::size_t>(rows * columns));
  ProductBench common(static_cast<int>(bench.range(3)),
                      matmul_scratch_bytes(Device::kCpu, rows, inner), precision);
  const Context ctx = common.context();
  std::int64_t copy = 0;
  common.measure(bench, static_cast<double>(rows * inner * columns),
                 static_cast<double>(weight_bytes), [&] {
                   matmul(ctx, {.x = {x.data(), tensor::DType::kF32, {rows, inner}},
                                .weight = weights.rows(copy * columns, (copy + 1) * columns),
                                .precision = precision,
                                .out = {out.data(), tensor::DType::kF32, {rows, columns}}});
                   copy = (copy + 1) % copies;
                 });
}
BENCHMARK(matmul_speed)
    ->ArgNames({"rows", "inner", "columns", "threads", "bfloat16"})
    ->ArgsProduct({{1, 512}, {1024}, {3072}, {1, 2}, {0, 1}})
    ->ArgsProduct({{1, 4, 512}, {6144}, {1536}, {2}, {0, 1}})
    ->Args({1, 1024, 32768, 2, 1})
    ->Args({16, 1024, 3072, 2, 1})
    ->Args({64, 1024, 1024, 2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// Arguments: rows, inner, columns, threads, quant::Format. Quantized weights in panels; the
// arithmetic is compared with the peak of 8-bit products.
void quantized_matmul_speed(benchmark::State& bench) {
  const std::int64_t rows = bench.range(0);
  const std::int64_t inner = bench.range(1);
  const std::int64_t columns = bench.range(2);
  const auto format = static_cast<quant::Format>(bench.range(4));
  const tensor::Shape shape = {columns, inner};
  const std::int64_t weight_bytes = quant::Matrix::bytes_of(format, shape, quant::Layout::kPanels);
  const std::int64_t copies =
      rows > 16 ? 1 : std::max<std::int64_t>(1, kRotatedBytes / weight_bytes);
  tensor::Arena arena(copies * weight_bytes, tensor::Pages::kHuge);
  std::byte* weights = arena.allocate(tensor::DType::kU8, {copies * weight_bytes}).bytes_begin();
  for (std::int64_t copy = 0; copy < copies; ++copy) {
    fill_panels({weights + copy * weight_bytes, format, shape, quant::Layout::kPanels});
  }
  std::vector<float> x(static_cast<std::size_t>(rows * inner), 0.5f);
  std::vector<float> out(static_cast<std::size_t>(rows * columns));
  ProductBench common(static_cast<int>(bench.range(3)),
                      matmul_scratch_bytes(Device::kCpu, rows, inner), ProductBench::Roof::kInt8);
  const Context ctx = common.context();
  bench.SetLabel(std::string(quant::info(format).name));
  std::int64_t copy = 0;
  common.measure(bench, static_cast<double>(rows * inner * columns),
                 static_cast<double>(weight_bytes), [&] {
                   std::byte* at = weights + copy * weight_bytes;
                   matmul(ctx, {.x = {x.data(), tensor::DType::kF32, {rows, inner}},
                                .weight = {at, format, shape, quant::Layout::kPanels},
                                .precision = Precision::kBFloat16,
                                .out = {out.data(), tensor::DType::kF32, {rows, columns}}});
                   copy = (copy + 1) % copies;
                 });
}

void quantized_cases(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"rows", "inner", "columns", "threads", "format"});
  for (const quant::FormatInfo& format : quant::formats()) {
    if (!quant::has_panels(format.format)) {
      continue;
    }
    const auto id = static_cast<std::int64_t>(format.format);
    bench->Args({1, 1024, 3072, 1, id});
    bench->Args({1, 1024, 3072, 2, id});
    bench->Args({8, 1024, 3072, 2, id});
    bench->Args({512, 1024, 3072, 1, id});
    bench->Args({512, 1024, 3072, 2, id});
  }
  const auto q4_0 = static_cast<std::int64_t>(quant::Format::kQ4_0);
  bench->Args({64, 1536, 1024, 2, q4_0})->Args({512, 6144, 1536, 2, q4_0});
  bench->Args({1, 1024, 32768, 2, q4_0});
}
BENCHMARK(quantized_matmul_speed)
    ->Apply(quantized_cases)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace minimax::ops
