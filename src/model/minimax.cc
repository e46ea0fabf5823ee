// SPDX-License-Identifier: Apache-2.0
// What MiniMax-01 computes, from token ids to logits. Names are those of config.json and of the
// report (arXiv 2501.08313, section 2); docs/theory/minimax.md has the equations.
#include "model/minimax.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "model/placed_batch.h"
#include "ops/embedding/embedding.h"
#include "ops/matmul/matmul.h"
#include "ops/place.h"
#include "ops/random_scale/random_scale.h"
#include "ops/residual_norm/residual_norm.h"
#include "ops/rms_norm/rms_norm.h"
#include "ops/rope/rope.h"
#include "ops/routed_experts/routed_experts.h"

namespace minimax::model {
namespace {

void attention(const Context& ctx, const Model& model, const LayerWeights& layer,
               const Batch& batch, const LayerState& state, Activations& a) {
  switch (layer.type) {
    case LayerType::kLinearAttention:
      return lightning_attention(ctx, model.config, layer.lightning, batch, state, a);
    case LayerType::kFullAttention:
      return softmax_attention(ctx, model.config, layer.softmax, batch, state, a);
  }
}

void embed(const Context& ctx, const Model& model, const PlacedBatch& placed,
           const tensor::Tensor& x) {
  if (placed.inputs_embeds.empty()) {
    ops::embedding(at(ctx, "embedding"), model.weights.embeddings, placed.token_ids, x);
  } else {
    model.memory->copy(x.bytes_begin(), placed.inputs_embeds.data(), x.bytes());
  }
}

// Where every token comes from. After extend_states().
std::vector<ops::TokenPlace> places_of(const Batch& batch) {
  std::vector<ops::TokenPlace> places;
  places.reserve(static_cast<std::size_t>(batch.tokens()));
  for (std::size_t b = 0; b < batch.states.size(); ++b) {
    const std::int64_t count = batch.cu_seqlens[b + 1] - batch.cu_seqlens[b];
    for (std::int64_t i = 0; i < count; ++i) {
      places.push_back({.sequence = batch.first_sequence + static_cast<std::int64_t>(b),
                        .position = batch.states[b]->length() - count + i});
    }
  }
  return places;
}

void drop_rows(const Context& ctx, const Batch& batch, const tensor::Tensor& rows) {
  const std::vector<ops::TokenPlace> all = places_of(batch);
  std::vector<ops::TokenPlace> places;
  for (const std::int32_t row : batch.output_rows) {
    places.push_back(all[static_cast<std::size_t>(row)]);
  }
  ops::random_scale(ctx, {.factor = ops::RandomFactor::kDropout,
                          .amount = ctx.noise->classifier_dropout,
                          .seed = ctx.noise->seed,
                          .layer = -1,
                          .places = places,
                          .x = rows,
                          .out = rows});
}

void add_bias(const tensor::Tensor& bias, const tensor::Tensor& rows) {
  const std::int64_t columns = bias.elements();
  for (std::int64_t row = 0; row < rows.shape()[0]; ++row) {
    float* to = rows.data<float>() + row * columns;
    std::transform(to, to + columns, bias.data<float>(), to, std::plus<>());
  }
}

void head(const Context& ctx, const HeadWeights& weights, const Batch& batch,
          const PlacedBatch& placed, Activations& a, const tensor::Tensor& logits) {
  if (batch.output_rows.empty()) {
    return;
  }
  const tensor::Tensor wanted = a.branch.rows(0, std::ssize(batch.output_rows));
  ops::embedding(ctx, a.residual, placed.output_rows, wanted);
  if (ctx.noise != nullptr && ctx.noise->classifier_dropout > 0.0) {
    drop_rows(ctx, batch, wanted);
  }
  // Rounded activations are only worth their price where the weights are rounded, too.
  const ops::Precision precision =
      weights.weight.is_plain() ? ops::Precision::kFloat32 : ctx.precision;
  ops::matmul(at(ctx, "head"),
              {.x = wanted, .weight = weights.weight, .precision = precision, .out = logits});
  if (!weights.bias.empty()) {
    add_bias(weights.bias, logits);
  }
}

void observe_hidden_state(const Context& ctx, std::int64_t index, const tensor::Tensor& rows) {
  if (ctx.observer != nullptr) {
    std::vector<float> storage;
    ctx.observer->hidden_state(index, ops::on_host(ctx, rows, storage));
  }
}

void observe_router(const Context& ctx, std::int64_t layer, const tensor::Tensor& logits) {
  if (ctx.observer != nullptr) {
    std::vector<float> storage;
    ctx.observer->router_logits(layer, ops::on_host(ctx, logits, storage));
  }
}

// What the experts and their router see: the normed rows, in training with jitter. The skip path
// keeps them as they are; in transformers it is disturbed as well, as a side effect.
const tensor::Tensor& disturbed(const Context& ctx, const Batch& batch, std::int64_t layer,
                                const Activations& a) {
  if (ctx.noise == nullptr || ctx.noise->router_jitter == 0.0) {
    return a.residual;
  }
  ops::random_scale(ctx, {.factor = ops::RandomFactor::kJitter,
                          .amount = ctx.noise->router_jitter,
                          .seed = ctx.noise->seed,
                          .layer = layer,
                          .places = places_of(batch),
                          .x = a.residual,
                          .out = a.x});
  return a.x;
}

}  // namespace

void decoder_layer(const Context& ctx, const Model& model, const DecoderLayer& layer,
                   const Batch& batch, const LayerState& state, Activations& a) {
  const MiniMaxConfig& config = model.config;
  const LayerWeights& weights = layer.weights;
  const bool is_linear = weights.type == LayerType::kLinearAttention;
  const double alpha = is_linear ? config.linear_attn_alpha_factor : config.full_attn_alpha_factor;
  const double beta = is_linear ? config.linear_attn_beta_factor : config.full_attn_beta_factor;
  // The skip path starts after a norm: a.x itself is not carried on.
  const auto add_and_norm = [&](const char* part, double kept, double added,
                                const tensor::Tensor& norm) {
    ops::residual_norm(at(ctx, part), {.alpha = static_cast<float>(kept),
                                       .a = a.residual,
                                       .beta = static_cast<float>(added),
                                       .b = a.branch,
                                       .weight = norm,
                                       .eps = config.rms_norm_eps,
                                       .sum = a.x,
                                       .out = a.residual});
  };

  attention(ctx, model, weights, batch, state, a);
  if (ctx.observer != nullptr) {
    ctx.observer->attention_inputs(state.layer, a.residual, a.heads);
  }
  add_and_norm("attention residual, norm", alpha, beta, weights.mlp_norm);
  const tensor::Tensor& x = disturbed(ctx, batch, state.layer, a);
  mixture_of_experts(ctx, model, state.layer, x, a);
  if (ctx.observer != nullptr) {
    ctx.observer->expert_inputs(state.layer, x, a.moe);
  }
  add_and_norm("experts residual, norm", config.mlp_alpha_factor, config.mlp_beta_factor,
               layer.next_norm);
}

void forward(const Context& ctx, const Model& model, const Batch& batch, Activations& a,
             const tensor::Tensor& logits) {
  run_layers(ctx, model, batch, PlacedBatch(ctx, model, batch), a, logits);
}

void run_layers(const Context& ctx, const Model& model, const Batch& batch,
                const PlacedBatch& placed, Activations& a, const tensor::Tensor& logits) {
  const Weights& weights = model.weights;
  embed(ctx, model, placed, a.x);
  if (model.expert_stream != nullptr) {
    const bool brings_all = batch.tokens() > ops::kMostChoosingTokens;
    model.expert_stream->begin(ctx.cuda->stream(),
                               brings_all ? ExpertStream::Ahead::kYes : ExpertStream::Ahead::kNo);
  }
  ops::rope_table(at(ctx, "rope table"), placed.positions, model.config.rope_theta, a.cos, a.sin);

  const std::size_t layers = weights.layers.size();
  const auto norm_before = [&](std::size_t i) {
    return i < layers ? weights.layers[i].attention_norm : weights.norm;
  };
  ops::rms_norm(at(ctx, "first norm"), a.x, norm_before(0), model.config.rms_norm_eps, a.residual);
  for (std::size_t i = 0; i < layers; ++i) {
    const LayerState& state = placed.layers[i];
    observe_hidden_state(ctx, state.layer, a.x);
    decoder_layer(ctx, model, {.weights = weights.layers[i], .next_norm = norm_before(i + 1)},
                  batch, state, a);
    observe_router(ctx, state.layer, a.moe.router_logits);
  }
  observe_hidden_state(ctx, model.config.num_hidden_layers, a.residual);
  head(ctx, weights.head, batch, placed, a, logits);
}

}  // namespace minimax::model
