// SPDX-License-Identifier: Apache-2.0
#include "ops/embedding/embedding.h"

#include "ops/checks.h"
#include "ops/embedding/embedding_kernels.h"
#include "ops/parallel.h"

namespace minimax::ops {

using tensor::DType;

void embedding(const Context& ctx, const quant::Matrix& table,
               std::span<const std::int32_t> token_ids, const tensor::Tensor& out) {
  const Checks checks("embedding", ctx);
  checks.matrix("table", table, {Checks::kAny, Checks::kAny});
  const auto tokens = static_cast<std::int64_t>(token_ids.size());
  const std::int64_t width = table.shape()[1];
  checks.activations("out", out, {tokens, width});
  if (checks.reads_values()) {
    for (const std::int32_t id : token_ids) {
      checks.in_range("token_ids", id, 0, table.shape()[0]);
    }
  }
  const auto rows = [&] {
    return EmbeddingRows{.table = &table,
                         .data = table.bytes_begin(),
                         .format = table.format(),
                         .token_ids = token_ids.data(),
                         .width = width,
                         .out = out.data<float>()};
  };
  const auto kernel =
      table.is_plain()
          ? cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::embedding<isa>; })
          : &reference::embedding;  // few rows: decoding them one by one costs nothing
  switch (ctx.device) {
    case Device::kReference:
      return reference::embedding(rows(), 0, tokens);
    case Device::kCpu:
      return parallel_rows(ctx, tokens, width, kernel, rows());
    case Device::kCuda:
      return cuda::embedding(ctx, table, token_ids, out);
  }
}

}  // namespace minimax::ops
