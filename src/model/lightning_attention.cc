// SPDX-License-Identifier: Apache-2.0
#include "ops/lightning_attention/lightning_attention.h"

#include <array>

#include "model/minimax.h"
#include "ops/gated_norm/gated_norm.h"
#include "ops/matmul/matmul.h"

namespace minimax::model {

void lightning_attention(const Context& ctx, const MiniMaxConfig& config,
                         const LightningWeights& weights, const Batch& batch,
                         const LayerState& state, Activations& a) {
  const std::int64_t tokens = batch.tokens();
  const std::int64_t width = config.num_attention_heads * config.head_dim;
  const tensor::Tensor& x = a.residual;
  const tensor::Tensor qkv = a.lightning.qkv.reshaped({tokens, 3 * width});
  const tensor::Tensor o = a.heads.reshaped({tokens, width});

  const std::array matrices = {weights.qkv, weights.gate};
  const std::array outs = {qkv, a.lightning.gate};
  ops::joined_matmul(at(ctx, "lightning qkv gate"),
                     {.x = x, .weights = matrices, .precision = ctx.precision, .outs = outs});
  ops::lightning_attention(at(ctx, "lightning attention"), {.qkv = a.lightning.qkv,
                                                            .decay = weights.decays(),
                                                            .cu_seqlens = state.cu_seqlens,
                                                            .states = state.lightning,
                                                            .longest = state.longest,
                                                            .block_size = config.block_size,
                                                            .out = a.heads});
  // The norm spans all heads: tensor parallelism has to reduce its sum of squares first.
  ops::gated_norm(at(ctx, "lightning norm"), {.x = o,
                                              .weight = weights.norm,
                                              .eps = config.lightning_norm_eps,
                                              .gate = a.lightning.gate,
                                              .out = o});
  ops::matmul(at(ctx, "lightning out"),
              {.x = o, .weight = weights.out, .precision = ctx.precision, .out = a.branch});
}

}  // namespace minimax::model
