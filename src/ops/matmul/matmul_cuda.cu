// SPDX-License-Identifier: Apache-2.0
// matmul on the GPU: few rows by kernels that stream tiles of weights, many by cuBLASLt on plain
// weights of the activations' type; weights of any other format are decoded into scratch first,
// some rows of them at a time.
#include <algorithm>

#include "cuda/kernel.cuh"
#include "ops/device_matrix/decode_rows_cuda.h"
#include "ops/matmul/few_rows_cuda.h"
#include "ops/matmul/matmul_kernels.h"
#include "ops/scratch.h"
#include "quant/format.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;
using tensor::DType;

// Whether there is a kernel that streams these weights for so many rows of bf16.
bool streams(const Context& ctx, const quant::Matrix& weight, std::int64_t rows) {
  if (weight.layout() == quant::Layout::kTiles) {
    return rows <= kFewRows;
  }
  return weight.format() == quant::Format::kBF16 && rows <= kFewPlainRows &&
         ctx.cuda->is_hopper() && quant::has_whole_tiles(weight.shape()[0], weight.shape()[1]);
}

DeviceLayout tiles_of(const quant::Matrix& weight) {
  return {*device_format(weight.format()), weight.shape()[0], weight.shape()[1]};
}

template <class From, class To>
void convert(const Context& ctx, const From* x, const tensor::Tensor& to) {
  To* out = elements<To>(to);
  for_each(ctx.cuda->stream(), to.elements(), "converting activations",
           [=] __device__(std::int64_t i) { out[i] = from_float<To>(to_float(x[i])); });
}

// The same values as another type.
void convert(const Context& ctx, const tensor::Tensor& from, const tensor::Tensor& to) {
  visit_activations(from.dtype(), [&]<class From>() {
    visit_activations(to.dtype(),
                      [&]<class To>() { convert<From, To>(ctx, elements<From>(from), to); });
  });
}

// A warp computes one number of the output; for the few shapes that the library refuses.
template <class T, class Out>
__global__ void plain_product_kernel(minimax::cuda::DenseProduct product) {
  const std::int64_t i = minimax::cuda::thread_index() / minimax::cuda::kWarp;
  if (i >= product.rows * product.columns) {
    return;
  }
  const std::int64_t row = i / product.columns;
  const std::int64_t column = i % product.columns;
  const T* x = static_cast<const T*>(product.x) + row * product.inner;
  const T* weight = static_cast<const T*>(product.weight) + column * product.inner;
  const int lane = static_cast<int>(threadIdx.x) % minimax::cuda::kWarp;
  float sum = 0.0f;
  for (std::int64_t k = lane; k < product.inner; k += minimax::cuda::kWarp) {
    sum = fmaf(to_float(x[k]), to_float(weight[k]), sum);
  }
  sum = minimax::cuda::warp_sum(sum);
  if (lane == 0) {
    static_cast<Out*>(product.out)[row * product.out_stride + column] = from_float<Out>(sum);
  }
}

void plain_product(minimax::cuda::Stream stream, const minimax::cuda::DenseProduct& product) {
  constexpr int kThreads = 256;
  const std::int64_t threads = product.rows * product.columns * minimax::cuda::kWarp;
  visit_activations(product.dtype, [&]<class T>() {
    visit_activations(product.out_dtype, [&]<class Out>() {
      plain_product_kernel<T, Out>
          <<<minimax::cuda::blocks_for(threads, kThreads), kThreads, 0, stream>>>(product);
    });
  });
  minimax::cuda::check_launch("a matrix product");
}

void multiply(const Context& ctx, const minimax::cuda::DenseProduct& product) {
  if (!ctx.cuda->blas().multiply(ctx.cuda->stream(), product)) {
    plain_product(ctx.cuda->stream(), product);
  }
}

// Rounded where the caller wants that, or where nothing is lost by it. Tiles are for rounded rows.
DType product_type(const MatmulArgs& args) {
  const bool is_exact =
      (args.x.dtype() == DType::kBF16 && args.weight.format() == quant::Format::kBF16) ||
      args.weight.layout() == quant::Layout::kTiles;
  return args.precision == Precision::kBFloat16 || is_exact ? DType::kBF16 : DType::kF32;
}

// The product of few rows with all weights, which lie one after the other.
void multiply_few(const Context& ctx, const ScratchScope& scratch, const JoinedMatmulArgs& args) {
  const tensor::Tensor& x = args.x;
  FewRowsProduct product{
      .x = x.bytes_begin(),
      .rows = x.shape()[0],
      .weight = args.weights.front().bytes_begin(),
      .layout = tiles_of(args.weights.front()),
      .outs = {},
      .out_is_float = args.outs.front().dtype() == DType::kF32,
      .barrier = ctx.cuda->grid_barrier(),
      .scratch = scratch.tensor(DType::kU8, {kFewRowsScratchBytes}).bytes_begin(),
      .processors = ctx.cuda->multiprocessors()};
  product.layout.rows = 0;
  for (std::size_t i = 0; i < args.outs.size(); ++i) {
    product.outs[i] = {args.outs[i].bytes_begin(), args.outs[i].shape()[1]};
    product.layout.rows += args.outs[i].shape()[1];
  }
  few_rows_product(product, ctx.cuda->stream());
}

bool are_joined(const JoinedMatmulArgs& args) {
  for (std::size_t i = 1; i < args.weights.size(); ++i) {
    const quant::Matrix& before = args.weights[i - 1];
    const quant::Matrix& weight = args.weights[i];
    if (weight.format() != before.format() || weight.layout() != before.layout() ||
        weight.bytes_begin() != before.bytes_begin() + before.bytes() ||
        before.shape()[0] % kDeviceTileRows != 0 || args.outs[i].dtype() != args.outs[0].dtype()) {
      return false;
    }
  }
  return true;
}

// Rows of so many bytes that scratch holds: whole tiles of them.
std::int64_t rows_at_once(std::int64_t row_bytes) {
  return std::max(kDeviceTileRows, kDecodedBytes / row_bytes / kDeviceTileRows * kDeviceTileRows);
}

// Weights of the type of x, some rows of them at a time where they are not so already.
void multiply_many(const Context& ctx, const ScratchScope& scratch, const tensor::Tensor& x,
                   const MatmulArgs& args) {
  const std::int64_t inner = x.shape()[1];
  const std::int64_t columns = args.weight.shape()[0];
  const DType dtype = x.dtype();
  const bool as_it_is = args.weight.is_plain() && args.weight.tensor().dtype() == dtype;
  const std::int64_t at_once =
      as_it_is ? columns : std::min(columns, rows_at_once(inner * tensor::dtype_bytes(dtype)));
  const tensor::Tensor decoded =
      as_it_is ? args.weight.tensor() : scratch.tensor(dtype, {at_once, inner});
  const std::int64_t out_bytes = tensor::dtype_bytes(args.out.dtype());
  for (std::int64_t first = 0; first < columns; first += at_once) {
    const std::int64_t count = std::min(at_once, columns - first);
    if (!as_it_is) {
      decode_rows(ctx, args.weight, first, decoded.rows(0, count));
    }
    multiply(ctx, {.x = x.bytes_begin(),
                   .weight = decoded.bytes_begin(),
                   .out = args.out.bytes_begin() + first * out_bytes,
                   .rows = x.shape()[0],
                   .columns = count,
                   .inner = inner,
                   .out_stride = columns,
                   .dtype = dtype,
                   .out_dtype = args.out.dtype()});
  }
}

}  // namespace

bool joined_matmul(const Context& ctx, const JoinedMatmulArgs& args) {
  const std::int64_t rows = args.x.shape()[0];
  if (args.weights.empty() || args.weights.size() > std::size(FewRowsProduct{}.outs) ||
      args.x.dtype() != DType::kBF16 || rows == 0 || !streams(ctx, args.weights.front(), rows) ||
      !are_joined(args)) {
    return false;
  }
  multiply_few(ctx, ScratchScope(ctx), args);
  return true;
}

void matmul(const Context& ctx, const MatmulArgs& args) {
  const std::int64_t rows = args.x.shape()[0];
  if (rows == 0 || args.weight.shape()[0] == 0) {
    return;
  }
  const ScratchScope scratch(ctx);
  const DType dtype = product_type(args);
  tensor::Tensor x = args.x;
  if (x.dtype() != dtype) {
    x = scratch.tensor(dtype, args.x.shape());
    convert(ctx, args.x, x);
  }
  if (dtype == DType::kBF16 && streams(ctx, args.weight, rows)) {
    multiply_few(ctx, scratch, {.x = x, .weights = {&args.weight, 1}, .outs = {&args.out, 1}});
  } else {
    multiply_many(ctx, scratch, x, args);
  }
}

}  // namespace minimax::ops::cuda
