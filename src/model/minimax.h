// SPDX-License-Identifier: Apache-2.0
// The forward pass: the one definition that prefill, chunked prefill and decoding share.
#pragma once

#include <cstdint>
#include <span>

#include "model/activations.h"
#include "model/context.h"
#include "model/loader.h"
#include "tensor/tensor.h"

namespace minimax::model {

class PlacedBatch;  // model/placed_batch.h

/// The state of one layer in every sequence of a batch: `lightning` is set for lightning layers,
/// `softmax_kv` for softmax layers. The arrays lie where kernels read them.
struct LayerState {
  std::int64_t layer = 0;
  std::span<float* const> lightning;             // [B] of [H, D, D]
  std::span<const ops::KvCacheView> softmax_kv;  // [B]
  tensor::DType cache_dtype = tensor::DType::kF32;
  std::int64_t longest = 0;                  // new tokens of the longest sequence
  std::span<const std::int64_t> cu_seqlens;  // [B + 1]
};

/// Runs the batch through the model, advances its states and writes what the head makes of
/// batch.output_rows. Any split of a sequence into batches gives the same but for rounding.
/// Shapes: logits [rows, C] F32; may be empty where no rows are wanted.
/// Requires: an arena for `activations` of at least batch.tokens() rows.
/// Throws: Error{kInvalidArgument} for token ids outside of the vocabulary.
void forward(const Context& ctx, const Model& model, const Batch& batch, Activations& activations,
             const tensor::Tensor& logits);

/// The second half of forward(), for a batch that was placed: nothing but kernels where the device
/// is a GPU and nobody looks on, so that they can be recorded (cuda/graph.h). The recording runs
/// again for every batch that is placed with as many tokens, sequences and output rows.
void run_layers(const Context& ctx, const Model& model, const Batch& batch,
                const PlacedBatch& placed, Activations& activations, const tensor::Tensor& logits);

/// A layer, and the norm that stands behind it: the next layer's first, or the last of all.
struct DecoderLayer {
  const LayerWeights& weights;
  tensor::Tensor next_norm;  // [E]
};

/// One layer of either type, from a.residual, which its norm gave, to the next: attention,
/// residual, norm, experts, residual in a.x, the next norm in a.residual.
void decoder_layer(const Context& ctx, const Model& model, const DecoderLayer& layer,
                   const Batch& batch, const LayerState& state, Activations& a);

/// a.branch = LightningAttention(a.residual).
void lightning_attention(const Context& ctx, const MiniMaxConfig& config,
                         const LightningWeights& weights, const Batch& batch,
                         const LayerState& state, Activations& a);

/// a.branch = SoftmaxAttention(a.residual).
void softmax_attention(const Context& ctx, const MiniMaxConfig& config,
                       const SoftmaxWeights& weights, const Batch& batch, const LayerState& state,
                       Activations& a);

/// a.branch = MoE(x) of layer `layer`, blended with the shared expert where there is one.
/// Throws: Error{kIo} where experts are read on demand and cannot be.
void mixture_of_experts(const Context& ctx, const Model& model, std::int64_t layer,
                        const tensor::Tensor& x, Activations& a);

}  // namespace minimax::model
