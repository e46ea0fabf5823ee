// SPDX-License-Identifier: Apache-2.0
#include "ops/softmax_attention/softmax_attention.h"

#include "model/minimax.h"
#include "ops/matmul/matmul.h"
#include "ops/rope/rope.h"

namespace minimax::model {

void softmax_attention(const Context& ctx, const MiniMaxConfig& config,
                       const SoftmaxWeights& weights, const Batch& batch, const LayerState& state,
                       Activations& a) {
  const std::int64_t tokens = batch.tokens();
  const std::int64_t width = config.num_attention_heads * config.head_dim;
  const std::int64_t kv_width = config.num_key_value_heads * config.head_dim;
  const auto project = [&](const tensor::Tensor& x, const tensor::Tensor& weight,
                           const tensor::Tensor& out) {
    ops::matmul(ctx, {.x = x, .weight = weight, .precision = ctx.precision, .out = out});
  };

  project(a.residual, weights.q, a.softmax.q.reshaped({tokens, width}));
  project(a.residual, weights.k, a.softmax.k.reshaped({tokens, kv_width}));
  project(a.residual, weights.v, a.softmax.v.reshaped({tokens, kv_width}));
  ops::rope(ctx, a.softmax.q, a.cos, a.sin);
  ops::rope(ctx, a.softmax.k, a.cos, a.sin);
  ops::kv_cache_append(ctx, {.k = a.softmax.k,
                             .v = a.softmax.v,
                             .cu_seqlens = batch.cu_seqlens,
                             .caches = state.softmax_kv});
  ops::softmax_attention(ctx, {.q = a.softmax.q,
                               .num_key_value_heads = config.num_key_value_heads,
                               .cu_seqlens = batch.cu_seqlens,
                               .caches = state.softmax_kv,
                               .sliding_window = config.sliding_window.value_or(0),
                               .out = a.heads});
  project(a.heads.reshaped({tokens, width}), weights.out, a.branch);
}

}  // namespace minimax::model
