// SPDX-License-Identifier: Apache-2.0
#include "cuda/kernel.cuh"
#include "ops/device_matrix/decode_rows_cuda.h"
#include "ops/device_matrix/decode_tiles_cuda.h"
#include "quant/format.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::visit_activations;

// Rows [first, first + rows) of a matrix as T.
template <class F, class T>
void decode_rows(const Context& ctx, const quant::Matrix& weight, std::int64_t first,
                 std::int64_t rows, T* out) {
  const std::int64_t columns = weight.shape()[1];
  const auto* blocks = reinterpret_cast<const typename F::Block*>(weight.bytes_begin()) +
                       first * (columns / F::kElements);
  for_each(ctx.cuda->stream(), rows * columns, "decoding weights", [=] __device__(std::int64_t i) {
    out[i] = from_float<T>(F::decode(blocks[i / F::kElements], static_cast<int>(i % F::kElements)));
  });
}

}  // namespace

void decode_rows(const Context& ctx, const quant::Matrix& weight, std::int64_t first,
                 const tensor::Tensor& out) {
  if (weight.layout() == quant::Layout::kTiles) {
    return decode_tiles(
        {.tiles = weight.bytes_begin(),
         .layout = {*device_format(weight.format()), weight.shape()[0], weight.shape()[1]},
         .first_row = first,
         .rows = out.shape()[0],
         .out = out.bytes_begin()},
        ctx.cuda->stream());
  }
  quant::visit_format(weight.format(), [&]<class F>() {
    visit_activations(out.dtype(), [&]<class T>() {
      decode_rows<F>(ctx, weight, first, out.shape()[0], elements<T>(out));
    });
  });
}

}  // namespace minimax::ops::cuda
