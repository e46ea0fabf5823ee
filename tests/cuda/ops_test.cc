// SPDX-License-Identifier: Apache-2.0
// Every operation on the GPU against the reference device, at odd sizes, for both types of
// activations. Outputs are NaN before, between guards. routing_test.cc has those around the router.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "ops/embedding/embedding.h"
#include "ops/grouped_matmul/grouped_matmul.h"
#include "ops/lightning_attention/lightning_attention.h"
#include "ops/matmul/matmul.h"
#include "ops/moe_combine/moe_combine.h"
#include "ops/moe_permute/moe_permute.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rope/rope.h"
#include "ops/scaled_add/scaled_add.h"
#include "ops/sigmoid_blend/sigmoid_blend.h"
#include "ops/sigmoid_mul/sigmoid_mul.h"
#include "ops/silu_mul/silu_mul.h"
#include "ops/softmax_attention/softmax_attention.h"
#include "quant/encode.h"
#include "tensor/float16.h"
#include "tests/cuda/ops_testing.h"

namespace minimax::ops {
namespace {

using quant::Format;
using quant::Matrix;

INSTANTIATE_TEST_SUITE_P(Activations, CudaOps, ::testing::Values(DType::kF32, DType::kBF16),
                         [](const auto& test) {
                           return std::string(tensor::dtype_name(test.param));
                         });

TEST_P(CudaOps, RmsNormAgreesWithTheReference) {
  const testing::Gpu gpu;
  for (const std::int64_t width : {1, 63, 100, 2049, 6144}) {
    const GuardedTensor x = activations({17, width}, 1, dtype());
    const GuardedTensor weight = testing::random_tensor({width}, 2);
    const GuardedTensor expected = host_out({17, width});
    rms_norm(kReference, *x, *weight, 1e-5, *expected);
    const GpuTensor out(dtype(), {17, width});
    rms_norm(*gpu, *GpuTensor(*x, dtype()), *GpuTensor(*weight), 1e-5, *out);
    EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance()) << width;
  }
}

TEST_P(CudaOps, RmsNormReadsFloat32AndWritesTheTypeOfTheActivations) {
  const testing::Gpu gpu;
  const GuardedTensor x = testing::random_tensor({3, 100}, 1);
  const GuardedTensor weight = testing::random_tensor({100}, 2);
  const GuardedTensor expected = host_out({3, 100});
  rms_norm(kReference, *x, *weight, 1e-6, *expected);
  const GpuTensor out(dtype(), {3, 100});
  rms_norm(*gpu, *GpuTensor(*x), *GpuTensor(*weight), 1e-6, *out);
  EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance());
}

TEST_P(CudaOps, ElementwiseOperationsAgreeWithTheReference) {
  const testing::Gpu gpu;
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 63}, Shape{17, 2049}}) {
    const GuardedTensor a = activations(shape, 1, dtype());
    const GuardedTensor b = activations(shape, 2, dtype());
    const GuardedTensor coefficient = testing::random_tensor({shape[0], 1}, 3);
    const GpuTensor gpu_a(*a, dtype());
    const GpuTensor gpu_b(*b, dtype());
    const GuardedTensor expected = host_out(shape);
    const auto agrees = [&](const GpuTensor& out, const char* name) {
      EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance())
          << name << shape.to_string();
    };
    const GpuTensor sum(DType::kF32, shape);
    scaled_add(kReference, {.alpha = 1.5f, .a = *a, .beta = -0.3f, .b = *b, .out = *expected});
    scaled_add(*gpu, {.alpha = 1.5f, .a = *gpu_a, .beta = -0.3f, .b = *gpu_b, .out = *sum});
    agrees(sum, "scaled_add");
    const GpuTensor out(dtype(), shape);
    silu_mul(kReference, *a, *b, *expected);
    silu_mul(*gpu, *gpu_a, *gpu_b, *out);
    agrees(out, "silu_mul");
    sigmoid_mul(kReference, *a, *b, *expected);
    sigmoid_mul(*gpu, *gpu_a, *gpu_b, *out);
    agrees(out, "sigmoid_mul");
    sigmoid_blend(kReference, *coefficient, *a, *b, *expected);
    sigmoid_blend(*gpu, *GpuTensor(*coefficient), *gpu_a, *gpu_b, *out);
    agrees(out, "sigmoid_blend");
  }
}

TEST_P(CudaOps, GatesOfLargeMagnitudeAreZeroOrOne) {
  const testing::Gpu gpu;
  const GuardedTensor gate = testing::tensor_of({1, 4}, {-1e4f, 1e4f, -200.0f, 200.0f});
  const GuardedTensor x = testing::tensor_of({1, 4}, {2, 2, 2, 2});
  const GpuTensor out(dtype(), {1, 4});
  sigmoid_mul(*gpu, *GpuTensor(*x, dtype()), *GpuTensor(*gate, dtype()), *out);
  EXPECT_EQ(out.floats(), (std::vector<float>{0, 2, 0, 2}));
}

TEST_P(CudaOps, RopeAgreesWithTheReference) {
  const testing::Gpu gpu;
  const std::vector<std::int64_t> positions = {0, 1, 63, 4095, 1000003};
  for (const std::int64_t pairs : {1, 16, 32}) {
    const GuardedTensor x = activations({5, 3, 64}, 1, dtype());
    const GpuTensor gpu_x(*x, dtype());
    const GuardedTensor cos = host_out({5, pairs});
    const GuardedTensor sin = host_out({5, pairs});
    rope_table(kReference, positions, 1e7, *cos, *sin);
    const GpuTensor gpu_cos(DType::kF32, {5, pairs});
    const GpuTensor gpu_sin(DType::kF32, {5, pairs});
    rope_table(*gpu, *GpuArray<std::int64_t>(positions), 1e7, *gpu_cos, *gpu_sin);
    // Where the power's last digit rounds a frequency the other way, the farthest angle is off by
    // a rounding of it: 1e6 * 2^-24.
    EXPECT_LE(testing::relative_error(gpu_cos.floats(), cos.to_vector()), 0.07);
    EXPECT_LE(testing::relative_error(gpu_sin.floats(), sin.to_vector()), 0.07);
    rope(kReference, *x, *cos, *sin);
    rope(*gpu, *gpu_x, *GpuTensor(*cos), *GpuTensor(*sin));
    EXPECT_LE(testing::relative_error(gpu_x.floats(), x.to_vector()), tolerance()) << pairs;
  }
}

/// Random weights of any format, on the host and on the GPU.
class Weights {
 public:
  Weights(Format format, const Shape& shape, std::uint64_t seed)
      : host_(tensor::Buffer::allocate(bytes_of(format, shape))),
        device_(cuda::device_memory().allocate(bytes_of(format, shape))),
        format_(format),
        shape_(shape) {
    const GuardedTensor values = testing::random_tensor(shape, seed);
    const std::int64_t width = shape[-1];
    const std::int64_t row_bytes = quant::row_bytes(format, width);
    for (std::int64_t row = 0; row < shape.elements() / width; ++row) {
      quant::encode_row(format, {values.floats() + row * width, static_cast<std::size_t>(width)},
                        {}, {host_.data() + row * row_bytes, static_cast<std::size_t>(row_bytes)});
    }
    cuda::device_memory().copy(device_.data(), host_.data(), bytes_of(format, shape));
  }
  Matrix host() const { return {host_.data(), format_, shape_}; }
  Matrix device() const { return {device_.data(), format_, shape_}; }
  /// Part `index` of `count` along the first axis, as a matrix of its own.
  static Matrix part(const Matrix& all, std::int64_t index, std::int64_t count) {
    const Shape shape{all.shape()[0] / count, all.shape()[1]};
    return {all.bytes_begin() + all.bytes() / count * index, all.format(), shape};
  }

 private:
  static std::int64_t bytes_of(Format format, const Shape& shape) {
    return Matrix::bytes_of(format, shape);
  }
  tensor::Buffer host_;
  tensor::Buffer device_;
  Format format_;
  Shape shape_;
};

TEST_P(CudaOps, EmbeddingDecodesEveryFormat) {
  const testing::Gpu gpu;
  const std::vector<std::int32_t> ids = {3, 0, 6, 6, 1};
  for (const quant::FormatInfo& format : quant::formats()) {
    const Weights table(format.format, {7, 512}, 1);
    const GuardedTensor expected = host_out({5, 512});
    embedding(kReference, table.host(), ids, *expected);
    const GpuTensor out(dtype(), {5, 512});
    embedding(*gpu, table.device(), *GpuArray<std::int32_t>(ids), *out);
    const double limit = dtype() == DType::kF32 ? 0.0 : tolerance();
    EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), limit) << format.name;
  }
}

// The reference rounds activations itself, to int8 for quantized weights; in float32 it does not.
TEST_P(CudaOps, MatmulDecodesEveryFormat) {
  const testing::Gpu gpu(matmul_scratch_bytes(Device::kCuda, 70, 512));
  for (const quant::FormatInfo& format : quant::formats()) {
    const Weights weight(format.format, {37, 512}, 2);
    const GuardedTensor x = activations({5, 512}, 1, dtype());
    const GuardedTensor expected = host_out({5, 37});
    matmul(kReference, {.x = *x, .weight = weight.host(), .out = *expected});
    const GpuTensor out(DType::kF32, {5, 37});
    matmul(*gpu, {.x = *GpuTensor(*x, dtype()), .weight = weight.device(), .out = *out});
    EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance())
        << format.name;
  }
}

TEST_P(CudaOps, MatmulAgreesWithTheReferenceAtOddSizes) {
  const testing::Gpu gpu(matmul_scratch_bytes(Device::kCuda, 70, 2049));
  for (const std::int64_t rows : {1, 3, 17, 70}) {
    for (const auto& [columns, inner] : {std::pair{1, 8}, {63, 100}, {130, 2049}}) {
      for (const Format format : {Format::kF32, Format::kBF16}) {
        const Weights weight(format, {columns, inner}, 2);
        const GuardedTensor x = activations({rows, inner}, 1, dtype());
        const GuardedTensor expected = host_out({rows, columns});
        matmul(kReference, {.x = *x, .weight = weight.host(), .out = *expected});
        const GpuTensor out(dtype(), {rows, columns});
        matmul(*gpu, {.x = *GpuTensor(*x, dtype()), .weight = weight.device(), .out = *out});
        EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance())
            << rows << " x " << columns << " x " << inner;
      }
    }
  }
}

// Pairs sorted by expert, as moe_permute leaves them.
struct Groups {
  GuardedTensor ids;
  GuardedTensor offsets;
  GuardedTensor pair_of_row;
  GuardedTensor row_of_pair;
};

Groups grouped(std::int64_t tokens, std::int64_t top_k, std::int64_t experts, int choice) {
  Groups g{GuardedTensor(DType::kI32, {tokens, top_k}), GuardedTensor(DType::kI32, {experts + 1}),
           GuardedTensor(DType::kI32, {tokens * top_k}),
           GuardedTensor(DType::kI32, {tokens * top_k})};
  std::mt19937 random(5);
  for (std::int64_t pair = 0; pair < tokens * top_k; ++pair) {
    g.ids.ints()[pair] =
        choice >= 0 ? choice : static_cast<std::int32_t>(random() % static_cast<unsigned>(experts));
  }
  moe_permute(kReference, {*g.ids, *g.offsets, *g.pair_of_row, *g.row_of_pair});
  return g;
}

std::vector<std::int32_t> ints_of(const GuardedTensor& tensor) {
  return {tensor.ints(), tensor.ints() + tensor->elements()};
}

TEST_P(CudaOps, PermuteSortsAsTheReference) {
  const testing::Gpu gpu;
  for (const std::int64_t tokens : {1, 63, 2049, 9001}) {
    for (const int choice : {-1, 0, 31}) {  // any, or all pairs on one expert
      const Groups g = grouped(tokens, 2, 32, choice);
      const GpuTensor offsets(DType::kI32, {33});
      const GpuTensor pair_of_row(DType::kI32, {2 * tokens});
      const GpuTensor row_of_pair(DType::kI32, {2 * tokens});
      moe_permute(*gpu, {*GpuTensor(*g.ids), *offsets, *pair_of_row, *row_of_pair});
      EXPECT_EQ(offsets.ints(), ints_of(g.offsets));
      EXPECT_EQ(pair_of_row.ints(), ints_of(g.pair_of_row));
      EXPECT_EQ(row_of_pair.ints(), ints_of(g.row_of_pair));
    }
  }
}

TEST_P(CudaOps, CombineAgreesWithTheReference) {
  const testing::Gpu gpu;
  const Groups g = grouped(63, 2, 8, -1);
  const GuardedTensor weights = testing::random_tensor({63, 2}, 2);
  for (const std::int64_t width : {1, 63, 100, 104, 2049}) {
    const GuardedTensor rows = activations({126, width}, 1, dtype());
    const GuardedTensor expected = host_out({63, width});
    moe_combine(kReference, {*rows, *g.row_of_pair, *weights, *expected});
    const GpuTensor out(dtype(), {63, width});
    moe_combine(
        *gpu, {*GpuTensor(*rows, dtype()), *GpuTensor(*g.row_of_pair), *GpuTensor(*weights), *out});
    EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance()) << width;
  }
}

std::vector<Matrix> parts_of(const Matrix& all, std::int64_t count) {
  std::vector<Matrix> parts;
  for (std::int64_t i = 0; i < count; ++i) {
    parts.push_back(Weights::part(all, i, count));
  }
  return parts;
}

// Experts of `width` rows each.
void expect_grouped_products(const testing::Gpu& gpu, const quant::FormatInfo& format,
                             std::int64_t width, DType dtype, double tolerance) {
  const Weights gate(format.format, {4 * width, 256}, 1);
  const Weights up(format.format, {4 * width, 256}, 2);
  for (const auto& [tokens, choice] : {std::pair{std::int64_t{1}, -1}, {63, -1}, {100, 2}}) {
    const Groups g = grouped(tokens, 2, 4, choice);
    const GuardedTensor x = activations({tokens, 256}, 3, dtype);
    const GuardedTensor expected = host_out({2 * tokens, width});
    const GpuTensor gpu_offsets(*g.offsets);
    const GpuTensor gpu_pairs(*g.pair_of_row);
    const GpuTensor gpu_x(*x, dtype);
    grouped_gated_matmul(kReference, {.x = *x,
                                      .gate = parts_of(gate.host(), 4),
                                      .up = parts_of(up.host(), 4),
                                      .offsets = *g.offsets,
                                      .pair_of_row = *g.pair_of_row,
                                      .top_k = 2,
                                      .out = *expected});
    const GpuTensor out(dtype, {2 * tokens, width});
    grouped_gated_matmul(*gpu, {.x = *gpu_x,
                                .gate = parts_of(gate.device(), 4),
                                .up = parts_of(up.device(), 4),
                                .offsets = *gpu_offsets,
                                .pair_of_row = *gpu_pairs,
                                .top_k = 2,
                                .out = *out});
    // A product of two sums: the error of both.
    EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), 2 * tolerance)
        << format.name << " " << tokens;
  }
  const Groups g = grouped(63, 2, 4, -1);
  const GuardedTensor rows = activations({126, 256}, 4, dtype);
  const GuardedTensor expected = host_out({126, width});
  grouped_matmul(
      kReference,
      {.x = *rows, .weight = parts_of(gate.host(), 4), .offsets = *g.offsets, .out = *expected});
  const GpuTensor out(dtype, {126, width});
  grouped_matmul(*gpu, {.x = *GpuTensor(*rows, dtype),
                        .weight = parts_of(gate.device(), 4),
                        .offsets = *GpuTensor(*g.offsets),
                        .out = *out});
  EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance) << format.name;
}

TEST_P(CudaOps, GroupedProductsAgreeWithTheReferenceInEveryFormat) {
  const testing::Gpu gpu;
  for (const quant::FormatInfo& format : quant::formats()) {
    expect_grouped_products(gpu, format, 70, dtype(), tolerance());
    // Tensor cores take widths that are multiples of 8, and weights rounded to bf16.
    expect_grouped_products(gpu, format, 72, dtype(),
                            dtype() == DType::kBF16 ? 0x1p-7 : tolerance());
  }
}

// Widths for which there are tensor cores: all else is computed in float32.
TEST_P(CudaOps, GroupedProductsOfBF16AgreeWithTheReference) {
  const testing::Gpu gpu;
  const Weights gate(Format::kBF16, {288, 256}, 1);
  const Weights up(Format::kBF16, {288, 256}, 2);
  for (const auto& [tokens, choice] : {std::pair{std::int64_t{1}, -1}, {63, -1}, {300, 2}}) {
    const Groups g = grouped(tokens, 2, 4, choice);
    const GuardedTensor x = activations({tokens, 256}, 3, DType::kBF16);
    const GuardedTensor expected = host_out({2 * tokens, 72});
    grouped_gated_matmul(kReference, {.x = *x,
                                      .gate = parts_of(gate.host(), 4),
                                      .up = parts_of(up.host(), 4),
                                      .offsets = *g.offsets,
                                      .pair_of_row = *g.pair_of_row,
                                      .top_k = 2,
                                      .out = *expected});
    const GpuTensor out(dtype(), {2 * tokens, 72});
    grouped_gated_matmul(*gpu, {.x = *GpuTensor(*x, dtype()),
                                .gate = parts_of(gate.device(), 4),
                                .up = parts_of(up.device(), 4),
                                .offsets = *GpuTensor(*g.offsets),
                                .pair_of_row = *GpuTensor(*g.pair_of_row),
                                .top_k = 2,
                                .precision = Precision::kBFloat16,
                                .out = *out});
    EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), 2 * tolerance());
    const GuardedTensor rows = activations({2 * tokens, 256}, 4, DType::kBF16);
    grouped_matmul(
        kReference,
        {.x = *rows, .weight = parts_of(up.host(), 4), .offsets = *g.offsets, .out = *expected});
    grouped_matmul(*gpu, {.x = *GpuTensor(*rows, dtype()),
                          .weight = parts_of(up.device(), 4),
                          .offsets = *GpuTensor(*g.offsets),
                          .precision = Precision::kBFloat16,
                          .out = *out});
    EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance());
  }
}

// Sequences of these lengths behind `before` tokens each, run in one call on both devices.
class Ragged {
 public:
  explicit Ragged(const std::vector<std::int64_t>& lengths) : cu_seqlens{0} {
    for (const std::int64_t length : lengths) {
      cu_seqlens.push_back(cu_seqlens.back() + length);
    }
  }
  std::int64_t tokens() const { return cu_seqlens.back(); }
  std::size_t count() const { return cu_seqlens.size() - 1; }
  std::vector<std::int64_t> cu_seqlens;
};

TEST_P(CudaOps, LightningAttentionAgreesWithTheReference) {
  const testing::Gpu gpu;
  for (const std::vector<std::int64_t>& lengths :
       {std::vector<std::int64_t>{1}, {63, 0, 100}, {2049, 1, 7}}) {
    const Ragged ragged(lengths);
    for (const std::int64_t dim : {16, 128}) {
      const GuardedTensor qkv = activations({ragged.tokens(), 3, 3, dim}, 1, dtype());
      const std::vector<float> decay = {0.9f, 0.05f, 0.001f};
      std::vector<GuardedTensor> states;
      std::vector<GpuTensor> gpu_states;
      std::vector<float*> state_pointers;
      std::vector<float*> gpu_pointers;
      for (std::size_t b = 0; b < ragged.count(); ++b) {
        states.push_back(testing::random_tensor({3, dim, dim}, 7 + b));
        gpu_states.emplace_back(*states.back());
        state_pointers.push_back(states.back().floats());
        gpu_pointers.push_back((*gpu_states.back()).data<float>());
      }
      const GuardedTensor expected = host_out({ragged.tokens(), 3, dim});
      lightning_attention(kReference, {.qkv = *qkv,
                                       .decay = decay,
                                       .cu_seqlens = ragged.cu_seqlens,
                                       .states = state_pointers,
                                       .out = *expected});
      const GpuTensor out(dtype(), {ragged.tokens(), 3, dim});
      lightning_attention(*gpu, {.qkv = *GpuTensor(*qkv, dtype()),
                                 .decay = *GpuArray<float>(decay),
                                 .cu_seqlens = *GpuArray<std::int64_t>(ragged.cu_seqlens),
                                 .states = *GpuArray<float*>(gpu_pointers),
                                 .out = *out});
      // SiLU's exponential and sums over the whole past.
      const double limit = dtype() == DType::kF32 ? 2e-5 : 2 * tolerance();
      EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), limit);
      for (std::size_t b = 0; b < ragged.count(); ++b) {
        EXPECT_LE(testing::relative_error(gpu_states[b].floats(), states[b].to_vector()), limit);
      }
    }
  }
}

// A paged cache with random keys and values of earlier tokens, the same on both devices.
class Cache {
 public:
  static constexpr std::int64_t kPageTokens = 128;
  Cache(std::int64_t length, std::int64_t heads, std::int64_t dim, DType dtype, std::uint64_t seed)
      : length_(length), dtype_(dtype) {
    for (std::int64_t page = 0; page * kPageTokens < length; ++page) {
      const GuardedTensor values =
          activations({2, heads, kPageTokens, dim}, seed + static_cast<std::uint64_t>(page), dtype);
      pages_.push_back(testing::tensor_of(values->shape(), values.to_vector()));
      gpu_pages_.emplace_back(*values, dtype);
      pointers_.push_back(pages_.back()->bytes_begin());
      gpu_pointers_.push_back((*gpu_pages_.back()).bytes_begin());
    }
    gpu_list_.emplace_back(gpu_pointers_);
  }
  KvCacheView host() const {
    return {.pages = pointers_, .page_tokens = kPageTokens, .length = length_};
  }
  KvCacheView device() const {
    return {.pages = *gpu_list_.front(),
            .page_tokens = kPageTokens,
            .length = length_,
            .dtype = dtype_};
  }
  std::vector<float> host_values() const {
    std::vector<float> all;
    for (const GuardedTensor& page : pages_) {
      const std::vector<float> values = page.to_vector();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }
  std::vector<float> device_values() const {
    std::vector<float> all;
    for (const GpuTensor& page : gpu_pages_) {
      const std::vector<float> values = page.floats();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

 private:
  std::int64_t length_;
  DType dtype_;
  std::vector<GuardedTensor> pages_;
  std::vector<GpuTensor> gpu_pages_;
  std::vector<std::byte*> pointers_;
  std::vector<std::byte*> gpu_pointers_;
  std::vector<GpuArray<std::byte*>> gpu_list_;
};

TEST_P(CudaOps, SoftmaxAttentionAgreesWithTheReference) {
  const testing::Gpu gpu(kSoftmaxGpuScratchBytes);
  const std::vector<std::int64_t> lengths = {1, 33, 100, 1};
  const std::vector<std::int64_t> before = {0, 17, 0, 300};
  const Ragged ragged(lengths);
  for (const std::int64_t dim : {16, 128}) {
    for (const std::int64_t window : {0, 20}) {
      std::vector<Cache> caches;
      std::vector<KvCacheView> views;
      std::vector<KvCacheView> gpu_views;
      for (std::size_t b = 0; b < ragged.count(); ++b) {
        caches.emplace_back(before[b] + lengths[b], 2, dim, dtype(), 100 * b);
      }
      for (const Cache& cache : caches) {
        views.push_back(cache.host());
        gpu_views.push_back(cache.device());
      }
      const GuardedTensor q = activations({ragged.tokens(), 6, dim}, 1, dtype());
      const GuardedTensor k = activations({ragged.tokens(), 2, dim}, 2, dtype());
      const GuardedTensor v = activations({ragged.tokens(), 2, dim}, 3, dtype());
      const GpuArray<std::int64_t> cu_seqlens(ragged.cu_seqlens);
      const GpuArray<KvCacheView> gpu_caches(gpu_views);
      kv_cache_append(kReference, {*k, *v, ragged.cu_seqlens, views});
      kv_cache_append(*gpu,
                      {*GpuTensor(*k, dtype()), *GpuTensor(*v, dtype()), *cu_seqlens, *gpu_caches});
      for (const Cache& cache : caches) {
        EXPECT_EQ(cache.device_values(), cache.host_values());
      }
      const GuardedTensor expected = host_out({ragged.tokens(), 6, dim});
      const GpuTensor out(dtype(), {ragged.tokens(), 6, dim});
      softmax_attention(kReference, {.q = *q,
                                     .num_key_value_heads = 2,
                                     .cu_seqlens = ragged.cu_seqlens,
                                     .caches = views,
                                     .sliding_window = window,
                                     .out = *expected});
      softmax_attention(*gpu, {.q = *GpuTensor(*q, dtype()),
                               .num_key_value_heads = 2,
                               .cu_seqlens = *cu_seqlens,
                               .caches = *gpu_caches,
                               .sliding_window = window,
                               .page_tokens = Cache::kPageTokens,
                               .cache_dtype = dtype(),
                               .out = *out});
      EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()), tolerance())
          << dim << " " << window;
    }
  }
}

}  // namespace
}  // namespace minimax::ops
