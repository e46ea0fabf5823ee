// SPDX-License-Identifier: Apache-2.0
// The experts of a layer at real width for prompts: every part, and the whole layer from the router
// to the weighted sum; beside it the rate of a dense bf16 product in the same run. Random tiles and
// tokens, a random router. Prints microseconds and TFLOP/s.
#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cuda/memory.h"
#include "cuda/runtime.h"
#include "ops/device_matrix/device_bench.cuh"
#include "ops/moe_combine/moe_combine.h"
#include "ops/moe_permute/moe_permute.h"
#include "ops/router/router.h"
#include "ops/tile_product/tile_product.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using tensor::Tensor;

constexpr std::int64_t kHidden = 6144;
constexpr std::int64_t kInner = 9216;
constexpr std::int64_t kExperts = 32;
constexpr std::int64_t kTopK = 2;

__global__ void fill_normal(__nv_bfloat16* out, float* wide, std::int64_t count, float deviation) {
  const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += stride) {
    float sum = 0.0f;
    for (int j = 0; j < 4; ++j) {
      sum +=
          static_cast<float>(hashed(static_cast<std::uint64_t>(4 * i + j + 1))) * 0x1p-32f - 0.5f;
    }
    const float value = sum * 1.7f * deviation;
    if (out != nullptr) {
      out[i] = __float2bfloat16(value);
    } else {
      wide[i] = value;
    }
  }
}

/// Roughly normal, deviation 1.
__device__ float normal_at(std::uint64_t i) {
  float sum = 0.0f;
  for (std::uint64_t j = 0; j < 4; ++j) {
    sum += static_cast<float>(hashed(4 * i + j + 1)) * 0x1p-32f - 0.5f;
  }
  return sum * 1.7320508f;
}

/// Random weights as encoders leave them: normal numbers, the largest of some hundred at the end of
/// the range of codes. Codes of uniform bits cost more power, and so time.
__global__ void fill_normal_tiles(std::uint32_t* words, std::int64_t count, DeviceTile tile,
                                  bool floats) {
  const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += stride) {
    std::uint32_t word = 0;
    if (i * 4 % tile.bytes() >= tile.code_bytes()) {
      word = floats ? 0x38000000u : 0x20002000u;
    } else if (tile.code_bits == 16) {
      for (int j = 0; j < 2; ++j) {
        const auto bits = __bfloat16_as_ushort(__float2bfloat16(0.02f * normal_at(2 * i + j)));
        word |= static_cast<std::uint32_t>(bits) << (16 * j);
      }
    } else if (tile.code_bits == 8) {
      for (int j = 0; j < 4; ++j) {
        const auto code =
            __nv_cvt_float_to_fp8(150.0f * normal_at(4 * i + j), __NV_SATFINITE, __NV_E4M3);
        word |= static_cast<std::uint32_t>(code) << (8 * j);
      }
    } else {
      for (int j = 0; j < 8; ++j) {
        const int code = __float2int_rn(8.0f + 2.7f * normal_at(8 * i + j));
        word |= static_cast<std::uint32_t>(min(max(code, 0), 15)) << (4 * j);
      }
    }
    words[i] = word;
  }
}

void* normal_tiles(const DeviceLayout& layout, std::int64_t matrices) {
  void* data = nullptr;
  must(cudaMalloc(&data, static_cast<std::size_t>(layout.bytes() * matrices)));
  fill_normal_tiles<<<1024, 256>>>(static_cast<std::uint32_t*>(data), layout.bytes() * matrices / 4,
                                   layout.tile(), layout.format == DeviceFormat::kFP8);
  must(cudaDeviceSynchronize());
  return data;
}

/// The buffers of a layer.
struct Layer {
  explicit Layer(std::int64_t count)
      : tokens(count), arena(minimax::cuda::device_memory().allocate(std::int64_t{3} << 30)) {
    x = arena.allocate(DType::kBF16, {tokens, kHidden});
    router = arena.allocate(DType::kF32, {kExperts, kHidden});
    logits = arena.allocate(DType::kF32, {tokens, kExperts});
    ids = arena.allocate(DType::kI32, {tokens, kTopK});
    weights = arena.allocate(DType::kF32, {tokens, kTopK});
    offsets = arena.allocate(DType::kI32, {kExperts + 1});
    pair_of_row = arena.allocate(DType::kI32, {rows()});
    row_of_pair = arena.allocate(DType::kI32, {rows()});
    gathered = arena.allocate(DType::kBF16, {rows(), kHidden});
    inner = arena.allocate(DType::kBF16, {rows(), kInner});
    codes = arena.allocate(DType::kBF16, {rows(), kInner / 2});
    scales = arena.allocate(DType::kF32, {rows()});
    out_rows = arena.allocate(DType::kBF16, {rows(), kHidden});
    out = arena.allocate(DType::kBF16, {tokens, kHidden});
    fill_normal<<<1024, 256>>>(reinterpret_cast<__nv_bfloat16*>(x.bytes_begin()), nullptr,
                               x.elements(), 1.0f);
    fill_normal<<<1024, 256>>>(nullptr, reinterpret_cast<float*>(router.bytes_begin()),
                               router.elements(), 0.02f);
    must(cudaDeviceSynchronize());
  }
  std::int64_t rows() const { return tokens * kTopK; }

  std::int64_t tokens;
  tensor::Arena arena;
  Tensor x, router, logits, ids, weights, offsets, pair_of_row, row_of_pair;
  Tensor gathered, inner, codes, scales, out_rows, out;
};

struct Experts {
  DeviceLayout wide;  // gate, up
  DeviceLayout down;
  const void* gate;
  const void* up;
  const void* down_data;
};

struct Bench {
  Layer& layer;
  const Experts& experts;
  bool e4m3;
  bool mma;  // as on a GPU before Hopper
  Context ctx;
  minimax::cuda::Stream stream;

  void route() {
    ops::router(ctx, {.x = layer.x,
                      .weight = layer.router,
                      .logits = layer.logits,
                      .expert_ids = layer.ids,
                      .expert_weights = layer.weights});
  }
  void permute() {
    ops::moe_permute(ctx, {.expert_ids = layer.ids,
                           .offsets = layer.offsets,
                           .pair_of_row = layer.pair_of_row,
                           .row_of_pair = layer.row_of_pair});
  }
  void bring(const Tensor& x, const std::int32_t* pair_of_row, const Tensor& out) {
    cuda::GatherRows rows = {.x = x.bytes_begin(),
                             .pair_of_row = pair_of_row,
                             .top_k = kTopK,
                             .rows = layer.rows(),
                             .columns = x.shape()[1],
                             .out = out.bytes_begin()};
    if (!e4m3) {
      return cuda::gather_rows(rows, stream);
    }
    rows.out = layer.codes.bytes_begin();
    cuda::quantize_rows(
        {.rows = rows, .scales = reinterpret_cast<float*>(layer.scales.bytes_begin())}, stream);
  }
  void gather() {
    bring(layer.x, reinterpret_cast<const std::int32_t*>(layer.pair_of_row.bytes_begin()),
          layer.gathered);
  }
  cuda::TileProduct product(const Tensor& x, const DeviceLayout& layout, const Tensor& out) {
    return {.x = e4m3 ? layer.codes.bytes_begin() : x.bytes_begin(),
            .x_scales = e4m3 ? reinterpret_cast<const float*>(layer.scales.bytes_begin()) : nullptr,
            .rows = layer.rows(),
            .layout = layout,
            .weight = {},
            .offsets = reinterpret_cast<const std::int32_t*>(layer.offsets.bytes_begin()),
            .groups = kExperts,
            .out = out.bytes_begin(),
            .processors = ctx.cuda->multiprocessors()};
  }
  void multiply(const cuda::TileProduct& args) const {
    mma ? cuda::tile_product_mma(args, stream) : cuda::tile_product(args, stream);
  }
  void gate_up() {
    cuda::TileProduct args = product(layer.gathered, experts.wide, layer.inner);
    args.weight = {experts.gate, experts.wide.bytes()};
    args.up = {experts.up, experts.wide.bytes()};
    multiply(args);
  }
  void between() {
    if (e4m3) {
      bring(layer.inner, nullptr, layer.gathered);
    }
  }
  void down() {
    cuda::TileProduct args = product(layer.inner, experts.down, layer.out_rows);
    args.weight = {experts.down_data, experts.down.bytes()};
    multiply(args);
  }
  void combine() {
    ops::moe_combine(ctx, {.rows = layer.out_rows,
                           .row_of_pair = layer.row_of_pair,
                           .expert_weights = layer.weights,
                           .out = layer.out});
  }
  void all() {
    route();
    permute();
    gather();
    gate_up();
    between();
    down();
    combine();
  }
};

template <class F>
double median_us(minimax::cuda::Stream stream, F&& launch, int repetitions = 20) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  must(cudaEventCreate(&begin));
  must(cudaEventCreate(&end));
  std::vector<float> times;
  for (int i = 0; i < repetitions + 3; ++i) {
    must(cudaEventRecord(begin, stream));
    launch();
    must(cudaEventRecord(end, stream));
    must(cudaEventSynchronize(end));
    float ms = 0.0f;
    must(cudaEventElapsedTime(&ms, begin, end));
    if (i >= 3) {
      times.push_back(ms);
    }
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2] * 1000.0;
}

double teraflops(std::int64_t rows, std::int64_t columns, std::int64_t inner, double us) {
  return 2.0 * static_cast<double>(rows) * static_cast<double>(columns * inner) / us * 1e-6;
}

void print(const char* name, double us, double rate) {
  std::printf("  %-10s %9.1f us", name, us);
  rate > 0 ? std::printf(" %7.0f TFLOP/s\n", rate) : std::printf("\n");
}

void measure(Bench bench) {
  const std::int64_t rows = bench.layer.rows();
  bench.all();
  must(cudaStreamSynchronize(bench.stream));
  const auto time = [&](auto&& launch) { return median_us(bench.stream, launch); };
  print("router", time([&] { bench.route(); }), 0);
  print("permute", time([&] { bench.permute(); }), 0);
  print("gather", time([&] { bench.gather(); }), 0);
  double us = time([&] { bench.gate_up(); });
  print("gate up", us, teraflops(rows, 2 * kInner, kHidden, us));
  if (bench.e4m3) {
    print("quantize", time([&] { bench.between(); }), 0);
    bench.between();
  }
  us = time([&] { bench.down(); });
  print("down", us, teraflops(rows, kInner, kHidden, us));
  print("combine", time([&] { bench.combine(); }), 0);
  us = time([&] { bench.all(); });
  print("layer", us, teraflops(rows, 3 * kInner, kHidden, us));
  std::fflush(stdout);
}

void dense(minimax::cuda::Runtime& runtime, Layer& layer, const void* weight) {
  const double us = median_us(runtime.stream(), [&] {
    static_cast<void>(runtime.blas().multiply(runtime.stream(), {.x = layer.x.bytes_begin(),
                                                                 .weight = weight,
                                                                 .out = layer.inner.bytes_begin(),
                                                                 .rows = layer.tokens,
                                                                 .columns = 2 * kInner,
                                                                 .inner = kHidden,
                                                                 .out_stride = 2 * kInner,
                                                                 .dtype = DType::kBF16,
                                                                 .out_dtype = DType::kBF16}));
  });
  print("cuBLASLt", us, teraflops(layer.tokens, 2 * kInner, kHidden, us));
}

void run(DeviceFormat format, const char* name, const std::vector<std::int64_t>& lengths,
         bool mma = false) {
  minimax::cuda::Runtime runtime;
  const DeviceLayout wide = {format, kInner, kHidden};
  const DeviceLayout down = {format, kHidden, kInner};
  const Experts experts = {wide, down, normal_tiles(wide, kExperts), normal_tiles(wide, kExperts),
                           normal_tiles(down, kExperts)};
  for (const std::int64_t tokens : lengths) {
    Layer layer(tokens);
    std::printf("%s, %ld tokens\n", name, static_cast<long>(tokens));
    if (format == DeviceFormat::kBF16) {
      dense(runtime, layer, experts.gate);
    }
    measure({.layer = layer,
             .experts = experts,
             .e4m3 = format == DeviceFormat::kFP8,
             .mma = mma,
             .ctx = {.device = Device::kCuda, .cuda = &runtime, .scratch = &layer.arena},
             .stream = runtime.stream()});
  }
  for (const void* data : {experts.gate, experts.up, experts.down_data}) {
    must(cudaFree(const_cast<void*>(data)));
  }
}

}  // namespace
}  // namespace minimax::ops

int main(int argc, char** argv) {
  using minimax::ops::DeviceFormat;
  const std::string only = argc > 1 ? argv[1] : "";
  const auto wanted = [&](const char* name) { return only.empty() || only == name; };
  if (wanted("bf16")) {
    minimax::ops::run(DeviceFormat::kBF16, "bf16", {8192, 2048});
  }
  if (wanted("int4")) {
    minimax::ops::run(DeviceFormat::kInt4G64, "int4_g64", {8192, 2048, 512});
  }
  if (wanted("mma")) {
    minimax::ops::run(DeviceFormat::kBF16, "bf16, compute capability 8.0", {8192}, true);
    minimax::ops::run(DeviceFormat::kInt4G64, "int4_g64, compute capability 8.0", {8192}, true);
  }
  if (wanted("fp8")) {
    minimax::ops::run(DeviceFormat::kFP8, "fp8", {8192, 2048});
  }
}
