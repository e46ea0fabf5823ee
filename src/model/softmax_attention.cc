// SPDX-License-Identifier: Apache-2.0
#include "ops/softmax_attention/softmax_attention.h"

#include <array>
#include <numeric>
#include <vector>

#include "model/minimax.h"
#include "ops/eager_attention/eager_attention.h"
#include "ops/matmul/matmul.h"
#include "ops/rope/rope.h"

namespace minimax::model {
namespace {

// [B] of [H, n, length] for the tokens of a batch.
std::vector<tensor::Tensor> weight_tensors(const Batch& batch, std::int64_t heads,
                                           std::vector<float>& memory) {
  std::vector<tensor::Shape> shapes;
  std::int64_t elements = 0;
  for (std::size_t b = 0; b < batch.states.size(); ++b) {
    shapes.emplace_back(std::initializer_list<std::int64_t>{
        heads, batch.cu_seqlens[b + 1] - batch.cu_seqlens[b], batch.states[b]->length()});
    elements += shapes.back().elements();
  }
  memory.resize(static_cast<std::size_t>(elements));
  std::vector<tensor::Tensor> tensors;
  float* begin = memory.data();
  for (const tensor::Shape& shape : shapes) {
    tensors.emplace_back(begin, tensor::DType::kF32, shape);
    begin += shape.elements();
  }
  return tensors;
}

void attend_eagerly(const Context& ctx, const ops::SoftmaxAttentionArgs& args, const Batch& batch,
                    const LayerState& state) {
  std::vector<float> memory;
  const std::vector<tensor::Tensor> weights = weight_tensors(batch, args.q.shape()[1], memory);
  std::vector<std::int64_t> sequences(weights.size());
  std::iota(sequences.begin(), sequences.end(), batch.first_sequence);
  ops::EagerAttentionArgs eager{.attention = args, .weights = weights};
  if (ctx.noise != nullptr) {
    eager.dropout = {.probability = ctx.noise->attention_dropout,
                     .seed = ctx.noise->seed,
                     .layer = state.layer,
                     .rows = sequences};
  }
  ops::eager_attention(ctx, eager);
  if (ctx.observer != nullptr) {
    ctx.observer->attention_weights(state.layer, weights);
  }
}

void attend(const Context& ctx, const MiniMaxConfig& config, const Batch& batch,
            const LayerState& state, const Activations& a) {
  const ops::SoftmaxAttentionArgs args{.q = a.softmax.q,
                                       .num_key_value_heads = config.num_key_value_heads,
                                       .cu_seqlens = state.cu_seqlens,
                                       .caches = state.softmax_kv,
                                       .sliding_window = config.sliding_window.value_or(0),
                                       .longest = state.longest,
                                       .page_tokens = KvLayout::kPageTokens,
                                       .cache_dtype = state.cache_dtype,
                                       .out = a.heads};
  const bool drops_weights = ctx.noise != nullptr && ctx.noise->attention_dropout > 0.0;
  if (ctx.keeps_attention_weights || drops_weights) {
    attend_eagerly(ctx, args, batch, state);
  } else {
    ops::softmax_attention(at(ctx, "softmax attention"), args);
  }
}

}  // namespace

void softmax_attention(const Context& ctx, const MiniMaxConfig& config,
                       const SoftmaxWeights& weights, const Batch& batch, const LayerState& state,
                       Activations& a) {
  const std::int64_t tokens = batch.tokens();
  const std::int64_t width = config.num_attention_heads * config.head_dim;
  const std::int64_t kv_width = config.num_key_value_heads * config.head_dim;
  const std::array matrices = {weights.q, weights.k, weights.v};
  const std::array outs = {a.softmax.q.reshaped({tokens, width}),
                           a.softmax.k.reshaped({tokens, kv_width}),
                           a.softmax.v.reshaped({tokens, kv_width})};
  ops::joined_matmul(
      at(ctx, "softmax qkv"),
      {.x = a.residual, .weights = matrices, .precision = ctx.precision, .outs = outs});
  ops::rope(at(ctx, "rope"), a.softmax.q, a.cos, a.sin);
  ops::rope(at(ctx, "rope"), a.softmax.k, a.cos, a.sin);
  ops::kv_cache_append(at(ctx, "key value append"), {.k = a.softmax.k,
                                                     .v = a.softmax.v,
                                                     .cu_seqlens = state.cu_seqlens,
                                                     .caches = state.softmax_kv});
  attend(ctx, config, batch, state, a);
  ops::matmul(at(ctx, "softmax out"), {.x = a.heads.reshaped({tokens, width}),
                                       .weight = weights.out,
                                       .precision = ctx.precision,
                                       .out = a.branch});
}

}  // namespace minimax::model
