// SPDX-License-Identifier: Apache-2.0
// Speed of the experts' products with bfloat16 and quantized weights, beside the limits of the
// machine: sixteen experts, two for a token, chosen evenly at random. One token is bound by reading
// the weights.
#include <algorithm>
#include <numeric>
#include <random>

#include "ops/grouped_matmul/grouped_matmul.h"
#include "ops/product_bench.h"

namespace minimax::ops {
namespace {

constexpr std::int64_t kExperts = 16;
constexpr std::int64_t kTopK = 2;
constexpr std::int64_t kHidden = 1024;
constexpr std::int64_t kInner = 1536;

// Rows sorted by expert, for tokens that change from call to call.
struct Routing {
  Routing(std::int64_t tokens, unsigned seed)
      : offsets(kExperts + 1, 0), pair_of_row(static_cast<std::size_t>(tokens * kTopK)) {
    std::mt19937 random(seed);
    std::vector<std::int32_t> experts(kExperts);
    std::vector<std::vector<std::int32_t>> pairs(kExperts);
    std::iota(experts.begin(), experts.end(), 0);
    for (std::int32_t token = 0; token < tokens; ++token) {
      std::shuffle(experts.begin(), experts.end(), random);
      for (std::int32_t slot = 0; slot < kTopK; ++slot) {
        pairs[static_cast<std::size_t>(experts[static_cast<std::size_t>(slot)])].push_back(
            static_cast<std::int32_t>(token * kTopK + slot));
      }
    }
    auto row = pair_of_row.begin();
    for (std::size_t expert = 0; expert < pairs.size(); ++expert) {
      row = std::copy(pairs[expert].begin(), pairs[expert].end(), row);
      offsets[expert + 1] = offsets[expert] + static_cast<std::int32_t>(pairs[expert].size());
      used += pairs[expert].empty() ? 0 : 1;
    }
  }
  std::vector<std::int32_t> offsets;
  std::vector<std::int32_t> pair_of_row;
  std::int64_t used = 0;  // experts with rows
};

quant::Layout layout_of(quant::Format format) {
  return quant::has_panels(format) ? quant::Layout::kPanels : quant::Layout::kRows;
}

std::int64_t expert_bytes(quant::Format format) {
  return 2 * quant::Matrix::bytes_of(format, {kInner, kHidden}, layout_of(format)) +
         quant::Matrix::bytes_of(format, {kHidden, kInner}, layout_of(format));
}

std::vector<quant::Matrix> weights_of(tensor::Arena& arena, quant::Format format,
                                      const tensor::Shape& shape) {
  std::vector<quant::Matrix> weights;
  for (std::int64_t expert = 0; expert < kExperts; ++expert) {
    if (format == quant::Format::kBF16) {
      weights.emplace_back(arena.allocate(tensor::DType::kBF16, shape));
      fill_bfloat16(weights.back().tensor());
      continue;
    }
    const std::int64_t bytes = quant::Matrix::bytes_of(format, shape, layout_of(format));
    const tensor::Tensor storage = arena.allocate(tensor::DType::kU8, {bytes});
    weights.emplace_back(storage.bytes_begin(), format, shape, layout_of(format));
    fill_panels(weights.back());
  }
  return weights;
}

ProductBench::Roof roof_of(quant::Format format, Precision precision) {
  return precision == Precision::kFloat32 ? ProductBench::Roof::kFloat32
         : format == quant::Format::kBF16 ? ProductBench::Roof::kBFloat16
                                          : ProductBench::Roof::kInt8;
}

// Arguments: tokens, threads, Precision, quant::Format. One layer of experts: gate, up and down.
void experts_speed(benchmark::State& bench) {
  const std::int64_t tokens = bench.range(0);
  const std::int64_t rows = tokens * kTopK;
  const auto precision = static_cast<Precision>(bench.range(2));
  const auto format = static_cast<quant::Format>(bench.range(3));
  const std::int64_t bytes_each = expert_bytes(format);
  tensor::Arena arena(kExperts * bytes_each, tensor::Pages::kHuge);
  const auto gate = weights_of(arena, format, {kInner, kHidden});
  const auto up = weights_of(arena, format, {kInner, kHidden});
  const auto down = weights_of(arena, format, {kHidden, kInner});
  std::vector<Routing> routings;
  for (unsigned seed = 0; seed < 64; ++seed) {
    routings.emplace_back(tokens, seed);
  }
  std::vector<float> x(static_cast<std::size_t>(tokens * kHidden), 0.5f);
  std::vector<float> inner(static_cast<std::size_t>(rows * kInner));
  std::vector<float> out(static_cast<std::size_t>(rows * kHidden));
  ProductBench common(static_cast<int>(bench.range(1)),
                      grouped_matmul_scratch_bytes(Device::kCpu, rows, kInner),
                      roof_of(format, precision));
  const Context ctx = common.context();
  const tensor::Tensor inner_rows(inner.data(), tensor::DType::kF32, {rows, kInner});
  std::size_t call = 0;
  double used = 0.0;  // experts a call, on average
  for (const Routing& routing : routings) {
    used += static_cast<double>(routing.used) / static_cast<double>(routings.size());
  }
  const double multiplications = static_cast<double>(rows * 3 * kHidden * kInner);
  common.measure(bench, multiplications, used * static_cast<double>(bytes_each), [&] {
    Routing& routing = routings[call++ % routings.size()];
    const tensor::Tensor offsets(routing.offsets.data(), tensor::DType::kI32, {kExperts + 1});
    grouped_gated_matmul(ctx,
                         {.x = {x.data(), tensor::DType::kF32, {tokens, kHidden}},
                          .gate = gate,
                          .up = up,
                          .offsets = offsets,
                          .pair_of_row = {routing.pair_of_row.data(), tensor::DType::kI32, {rows}},
                          .top_k = kTopK,
                          .precision = precision,
                          .out = inner_rows});
    grouped_matmul(ctx, {.x = inner_rows,
                         .weight = down,
                         .offsets = offsets,
                         .precision = precision,
                         .out = {out.data(), tensor::DType::kF32, {rows, kHidden}}});
  });
}
void cases(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"tokens", "threads", "bfloat16", "format"});
  for (const quant::Format format :
       {quant::Format::kBF16, quant::Format::kQ8_0, quant::Format::kQ4_0, quant::Format::kQ4_K}) {
    const auto id = static_cast<std::int64_t>(format);
    bench->ArgsProduct({{1, 512}, {1, 2}, {0, 1}, {id}});
    bench->Args({8, 2, 1, id})->Args({64, 2, 1, id});
  }
}
BENCHMARK(experts_speed)->Apply(cases)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace minimax::ops
