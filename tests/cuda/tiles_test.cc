// SPDX-License-Identifier: Apache-2.0
// Weights that lie as tiles in the memory of the GPU, through the operations that read them,
// against the reference device with the same blocks. Outputs are NaN before, between guards.
#include <algorithm>
#include <vector>

#include "ops/device_matrix/row_upload.h"
#include "ops/matmul/matmul.h"
#include "ops/routed_experts/routed_experts.h"
#include "quant/device_tiles.h"
#include "quant/encode.h"
#include "tensor/float16.h"
#include "tests/support/gpu.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using quant::Format;
using quant::Layout;
using quant::Matrix;
using tensor::DType;
using tensor::Shape;
using testing::GpuTensor;
using testing::GuardedTensor;

const Context kReference{};

// A float32 sum of rounded products, rounded to bf16 once: a step of it, relative to the largest
// element. Where the weights go through bf16 (many rows, tables of levels), their roundings add up
// like those of a random walk and stay below another step.
constexpr double kTolerance = 0x1p-7;

// Activations of many tokens become e4m3, off by 0.02 of them on average, on their way into gate
// and up, and into down: some 0.04 of an element, and the largest error is a few times as much of
// it as the largest element is. Measured on an H200: 0.058.
constexpr double kE4M3Tolerance = 0.075;

// Plain rows are streamed where they lie.
Layout layout_of(Format format) {
  return quant::has_tiles(format) ? Layout::kTiles : Layout::kRows;
}

// Matrices side by side, as blocks on the host and as the GPU multiplies by them.
class TiledWeights {
 public:
  TiledWeights(Format format, const Shape& shape, std::int64_t count, std::uint64_t seed)
      : blocks_(tensor::Buffer::allocate(count * Matrix::bytes_of(format, shape))),
        tiles_(cuda::device_memory().allocate(count *
                                              Matrix::bytes_of(format, shape, layout_of(format)))) {
    const GuardedTensor values = testing::random_tensor({count * shape[0], shape[1]}, seed, 0.1f);
    const std::int64_t row_bytes = quant::row_bytes(format, shape[1]);
    for (std::int64_t row = 0; row < count * shape[0]; ++row) {
      quant::encode_row(format,
                        {values.floats() + row * shape[1], static_cast<std::size_t>(shape[1])}, {},
                        {blocks_.data() + row * row_bytes, static_cast<std::size_t>(row_bytes)});
    }
    const UploadMemory memory(row_bytes, 1);
    RowUpload upload(memory, 0);
    for (std::int64_t i = 0; i < count; ++i) {
      host.emplace_back(blocks_.data() + i * shape[0] * row_bytes, format, shape);
      const std::int64_t bytes = Matrix::bytes_of(format, shape, layout_of(format));
      device.emplace_back(tiles_.data() + i * bytes, format, shape, layout_of(format));
      write_in_pieces(upload, host.back(), device.back());
    }
    upload.wait();
  }

  std::vector<Matrix> host;
  std::vector<Matrix> device;

 private:
  // In pieces, as loading does.
  static void write_in_pieces(RowUpload& upload, const Matrix& from, const Matrix& to) {
    const std::int64_t rows = from.shape()[0];
    for (std::int64_t row = 0; row < rows; row += quant::kDeviceTileRows) {
      const std::int64_t count = std::min(rows - row, quant::kDeviceTileRows);
      std::byte* const piece = upload.next();
      std::copy_n(from.bytes_begin() + row * from.row_bytes(), count * from.row_bytes(), piece);
      upload.send({piece, from.format(), {count, from.shape()[1]}}, to, row);
    }
  }

  tensor::Buffer blocks_;
  tensor::Buffer tiles_;
};

class TiledOps : public ::testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
      GTEST_SKIP() << missing;
    }
  }
};

std::vector<Format> tiled_formats() {
  std::vector<Format> formats;
  for (const quant::FormatInfo& format : quant::formats()) {
    if (quant::has_tiles(format.format) || format.format == Format::kBF16) {
      formats.push_back(format.format);
    }
  }
  return formats;
}
INSTANTIATE_TEST_SUITE_P(Formats, TiledOps, ::testing::ValuesIn(tiled_formats()),
                         [](const auto& test) {
                           return std::string(quant::info(test.param).name);
                         });

GuardedTensor rounded(const Shape& shape, std::uint64_t seed) {
  GuardedTensor tensor = testing::random_tensor(shape, seed);
  std::transform(tensor.floats(), tensor.floats() + tensor->elements(), tensor.floats(),
                 [](float x) { return tensor::to_float(tensor::to_bfloat16(x)); });
  return tensor;
}

TEST_P(TiledOps, ProductsOfFewAndManyRowsAgreeWithTheReference) {
  const testing::Gpu gpu(std::int64_t{512} << 20);
  const TiledWeights weights(GetParam(), {48, 512}, 3, 1);
  const std::vector<Matrix> host = weights.host;
  for (const std::int64_t rows : {1, 3, 8, 9, 17, 63, 64, 65, 100}) {
    const GuardedTensor x = rounded({rows, 512}, 2);
    const GpuTensor gpu_x(*x, DType::kBF16);
    const GpuTensor alone(DType::kF32, {rows, 48});
    matmul(*gpu, {.x = *gpu_x,
                  .weight = weights.device[1],
                  .precision = Precision::kBFloat16,
                  .out = *alone});
    std::vector<GpuTensor> outs;
    std::vector<tensor::Tensor> views;
    for (std::size_t i = 0; i < 3; ++i) {
      views.push_back(*outs.emplace_back(DType::kBF16, Shape{rows, 48}));
    }
    joined_matmul(
        *gpu,
        {.x = *gpu_x, .weights = weights.device, .precision = Precision::kBFloat16, .outs = views});
    for (std::size_t i = 0; i < 3; ++i) {
      const GuardedTensor expected(DType::kF32, {rows, 48});
      matmul(kReference, {.x = *x, .weight = host[i], .out = *expected});
      EXPECT_LE(testing::relative_error(outs[i].floats(), expected.to_vector()), kTolerance)
          << rows << " rows, matrix " << i;
      if (i == 1) {
        EXPECT_LE(testing::relative_error(alone.floats(), expected.to_vector()), kTolerance)
            << rows << " rows";
      }
    }
  }
}

// The work space of routed_experts.
constexpr std::int64_t kHidden = 256;
constexpr std::int64_t kInner = 512;
constexpr std::int64_t kExperts = 5;

template <class Buffer>
struct ExpertBuffers {
  ExpertBuffers(std::int64_t tokens, DType dtype)
      : offsets(DType::kI32, {kExperts + 1}),
        pair_of_row(DType::kI32, {2 * tokens}),
        row_of_pair(DType::kI32, {2 * tokens}),
        inner(dtype, {2 * tokens, kInner}),
        rows(dtype, {2 * tokens, kHidden}) {}

  RoutedExpertsArgs args(const tensor::Tensor& x, const tensor::Tensor& ids,
                         const tensor::Tensor& weights, const tensor::Tensor& out) const {
    return {.x = x,
            .expert_ids = ids,
            .expert_weights = weights,
            .gate = {},
            .up = {},
            .down = {},
            .offsets = *offsets,
            .pair_of_row = *pair_of_row,
            .row_of_pair = *row_of_pair,
            .inner = *inner,
            .rows = *rows,
            .out = out};
  }

  Buffer offsets;
  Buffer pair_of_row;
  Buffer row_of_pair;
  Buffer inner;
  Buffer rows;
};

TEST_P(TiledOps, RoutedExpertsOfFewAndManyTokensAgreeWithTheReference) {
  const testing::Gpu gpu(std::int64_t{64} << 20);
  const TiledWeights gate(GetParam(), {kInner, kHidden}, kExperts, 1);
  const TiledWeights up(GetParam(), {kInner, kHidden}, kExperts, 2);
  const TiledWeights down(GetParam(), {kHidden, kInner}, kExperts, 3);
  for (const std::int64_t tokens : {1, 8, 17, 64, 65}) {
    const GuardedTensor x = rounded({tokens, kHidden}, 4);
    const GuardedTensor ids(DType::kI32, {tokens, 2});
    for (std::int64_t i = 0; i < 2 * tokens; ++i) {  // the last expert gets nothing
      ids.ints()[i] = static_cast<std::int32_t>((i / 2 + i % 2 * (1 + i / 2 % 3)) % (kExperts - 1));
    }
    const GuardedTensor weights = testing::random_tensor({tokens, 2}, 5);
    const GuardedTensor expected(DType::kF32, {tokens, kHidden});
    const ExpertBuffers<GuardedTensor> host(tokens, DType::kF32);
    RoutedExpertsArgs args = host.args(*x, *ids, *weights, *expected);
    args.gate = gate.host;
    args.up = up.host;
    args.down = down.host;
    routed_experts(kReference, args);
    const ExpertBuffers<GpuTensor> device(tokens, DType::kBF16);
    const GpuTensor gpu_x(*x, DType::kBF16);
    const GpuTensor gpu_ids(*ids);
    const GpuTensor gpu_weights(*weights);
    const GpuTensor out(DType::kBF16, {tokens, kHidden});
    args = device.args(*gpu_x, *gpu_ids, *gpu_weights, *out);
    args.gate = gate.device;
    args.up = up.device;
    args.down = down.device;
    args.precision = Precision::kBFloat16;
    routed_experts(*gpu, args);
    const bool rounds_to_e4m3 = GetParam() == Format::kFP8 && tokens > 64;
    EXPECT_LE(testing::relative_error(out.floats(), expected.to_vector()),
              rounds_to_e4m3 ? kE4M3Tolerance : 2 * kTolerance)
        << tokens << " tokens";
  }
}

}  // namespace
}  // namespace minimax::ops
