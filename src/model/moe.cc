// SPDX-License-Identifier: Apache-2.0
#include "model/minimax.h"
#include "ops/matmul/matmul.h"
#include "ops/routed_experts/routed_experts.h"
#include "ops/router/router.h"
#include "ops/sigmoid_blend/sigmoid_blend.h"
#include "ops/silu_mul/silu_mul.h"

namespace minimax::model {
namespace {

void route(const Context& ctx, const MoeWeights& weights, const tensor::Tensor& x,
           const MoeActivations& moe) {
  ops::router(at(ctx, "router"), {.x = x,
                                  .weight = weights.router,
                                  .logits = moe.router_logits,
                                  .expert_ids = moe.expert_ids,
                                  .expert_weights = moe.expert_weights});
}

std::span<const std::int32_t> chosen_experts(const MoeActivations& moe) {
  return {moe.expert_ids.data<std::int32_t>(), static_cast<std::size_t>(moe.expert_ids.elements())};
}

// The router of the next layer mostly chooses for the rows of this one as it will for its own.
void expect_experts(const Context& ctx, const Model& model, std::int64_t layer,
                    const tensor::Tensor& x, const MoeActivations& moe) {
  const auto next = static_cast<std::size_t>(layer) + 1;
  if (next < model.weights.layers.size()) {
    route(ctx, model.weights.layers[next].moe, x, moe);
    model.expert_cache->expect(layer + 1, chosen_experts(moe));
  }
}

const ExpertWeights& experts_of(const Context& ctx, const Model& model, std::int64_t layer,
                                const MoeActivations& moe) {
  if (model.expert_cache != nullptr) {
    return model.expert_cache->fetch(layer, chosen_experts(moe), ctx.pool);
  }
  return model.weights.layers[static_cast<std::size_t>(layer)].moe.experts;
}

ops::RoutedExpertsArgs arguments(const Context& ctx, const ExpertWeights& weights,
                                 const tensor::Tensor& x, const Activations& a) {
  const MoeActivations& moe = a.moe;
  return {.x = x,
          .expert_ids = moe.expert_ids,
          .expert_weights = moe.expert_weights,
          .gate = weights.gate,
          .up = weights.up,
          .down = weights.down,
          .precision = ctx.precision,
          .keeps_parts = ctx.observer != nullptr,
          .offsets = moe.offsets,
          .pair_of_row = moe.pair_of_row,
          .row_of_pair = moe.row_of_pair,
          .inner = moe.inner,
          .rows = moe.rows,
          .out = a.branch};
}

// Experts of few tokens are read from where they are; else all of the layer are brought first.
void experts_on_host(const Context& ctx, ExpertStream& stream, std::int64_t layer,
                     ops::RoutedExpertsArgs args) {
  if (ops::reads_chosen_experts(ctx, args)) {
    return ops::routed_experts(ctx, args);
  }
  const ExpertWeights& weights = stream.fetch(layer, ctx.cuda->stream());
  args.gate = weights.gate;
  args.up = weights.up;
  args.down = weights.down;
  ops::routed_experts(ctx, args);
  stream.release(layer, ctx.cuda->stream());
}

void routed_experts(const Context& ctx, const Model& model, std::int64_t layer,
                    const tensor::Tensor& x, Activations& a) {
  MoeActivations& moe = a.moe;
  if (model.expert_cache != nullptr) {
    expect_experts(ctx, model, layer, x, moe);
  }
  route(ctx, model.weights.layers[static_cast<std::size_t>(layer)].moe, x, moe);
  const ops::RoutedExpertsArgs args = arguments(ctx, experts_of(ctx, model, layer, moe), x, a);
  ExpertStream* const stream = model.expert_stream.get();
  if (stream != nullptr && stream->is_on_host(layer)) {
    return experts_on_host(at(ctx, "experts"), *stream, layer, args);
  }
  ops::routed_experts(at(ctx, "experts"), args);
}

// Source: modeling_minimax_m1.py, the branch of shared_intermediate_size > 0.
void blend_shared_expert(const Context& ctx, const SharedExpertWeights& weights,
                         const tensor::Tensor& x, Activations& a) {
  MoeActivations& moe = a.moe;
  const auto project = [&](const tensor::Tensor& from, const quant::Matrix& weight,
                           const tensor::Tensor& out) {
    ops::matmul(at(ctx, "shared expert"),
                {.x = from, .weight = weight, .precision = ctx.precision, .out = out});
  };
  project(x, weights.gate, moe.shared_gate);
  project(x, weights.up, moe.shared_up);
  ops::silu_mul(ctx, moe.shared_gate, moe.shared_up, moe.shared_gate);
  project(moe.shared_gate, weights.down, moe.shared_out);
  ops::matmul(ctx, {.x = x,
                    .weight = weights.coefficient,
                    .precision = ops::Precision::kFloat32,
                    .out = moe.coefficient});
  ops::sigmoid_blend(ctx, moe.coefficient, a.branch, moe.shared_out, a.branch);
}

}  // namespace

void mixture_of_experts(const Context& ctx, const Model& model, std::int64_t layer,
                        const tensor::Tensor& x, Activations& a) {
  routed_experts(ctx, model, layer, x, a);
  const SharedExpertWeights& shared =
      model.weights.layers[static_cast<std::size_t>(layer)].moe.shared;
  if (!shared.gate.empty()) {
    blend_shared_expert(ctx, shared, x, a);
  }
}

}  // namespace minimax::model
