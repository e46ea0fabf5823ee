// SPDX-License-Identifier: Apache-2.0
// Rows of the embedding table on the GPU: one thread an element, of any format. Ids outside of the
// table, which only the host could refuse, give zeros.
#include "cuda/kernel.cuh"
#include "ops/embedding/embedding_kernels.h"
#include "quant/format.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::visit_activations;

template <class F, class Out>
void gather(const Context& ctx, const quant::Matrix& table, std::span<const std::int32_t> token_ids,
            Out* out) {
  const auto* blocks = reinterpret_cast<const typename F::Block*>(table.bytes_begin());
  const std::int32_t* ids = token_ids.data();
  const std::int64_t vocabulary = table.shape()[0];
  const std::int64_t width = table.shape()[1];
  const std::int64_t row_blocks = width / F::kElements;
  for_each(ctx.cuda->stream(), static_cast<std::int64_t>(token_ids.size()) * width, "embedding",
           [=] __device__(std::int64_t i) {
             const std::int64_t id = ids[i / width];
             const std::int64_t column = i % width;
             const bool known = 0 <= id && id < vocabulary;
             out[i] =
                 from_float<Out>(known ? F::decode(blocks[id * row_blocks + column / F::kElements],
                                                   static_cast<int>(column % F::kElements))
                                       : 0.0f);
           });
}

}  // namespace

void embedding(const Context& ctx, const quant::Matrix& table,
               std::span<const std::int32_t> token_ids, const tensor::Tensor& out) {
  quant::visit_format(table.format(), [&]<class F>() {
    visit_activations(out.dtype(),
                      [&]<class Out>() { gather<F>(ctx, table, token_ids, elements<Out>(out)); });
  });
}

}  // namespace minimax::ops::cuda
