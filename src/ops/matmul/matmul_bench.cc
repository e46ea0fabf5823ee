// SPDX-License-Identifier: Apache-2.0
// Speed of matmul with bfloat16 weights, beside the limits of the machine. One row is bound by
// reading the weights: they rotate through more memory than any cache holds.
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
  ProductBench common(static_cast<int>(bench.range(3)), matmul_scratch_bytes(rows, inner),
                      precision);
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

}  // namespace
}  // namespace minimax::ops
