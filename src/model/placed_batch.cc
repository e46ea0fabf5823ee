// SPDX-License-Identifier: Apache-2.0
#include "model/placed_batch.h"

#include <algorithm>

#include "ops/place.h"

namespace minimax::model {
namespace {

// Counted on from the states, before they are extended.
std::vector<std::int64_t> positions_of(const Batch& batch) {
  std::vector<std::int64_t> positions;
  positions.reserve(static_cast<std::size_t>(batch.tokens()));
  for (std::size_t b = 0; b < batch.states.size(); ++b) {
    const std::int64_t count = batch.cu_seqlens[b + 1] - batch.cu_seqlens[b];
    for (std::int64_t i = 0; i < count; ++i) {
      positions.push_back(batch.states[b]->length() + i);
    }
  }
  return positions;
}

void extend_states(const Batch& batch) {
  for (std::size_t b = 0; b < batch.states.size(); ++b) {
    batch.states[b]->extend(batch.cu_seqlens[b + 1] - batch.cu_seqlens[b]);
  }
}

// A cache with its list of pages where kernels read it.
ops::KvCacheView placed(const Context& ctx, ops::KvCacheView view) {
  view.pages = ops::place(ctx, view.pages, ops::Placing::kBehind);
  return view;
}

// What place() takes below: all arrays but the lists of pages.
std::int64_t front_bytes(const Model& model, const Batch& batch) {
  const std::int64_t tokens = batch.tokens();
  const auto sequences = static_cast<std::int64_t>(batch.states.size());
  std::int64_t bytes = ops::placed_bytes<std::int64_t>(tokens) +
                       ops::placed_bytes<std::int32_t>(std::ssize(batch.token_ids)) +
                       ops::placed_bytes<std::int32_t>(std::ssize(batch.output_rows)) +
                       ops::placed_bytes<std::int64_t>(sequences + 1);
  for (const LayerWeights& layer : model.weights.layers) {
    bytes += layer.type == LayerType::kLinearAttention
                 ? ops::placed_bytes<float*>(sequences)
                 : ops::placed_bytes<ops::KvCacheView>(sequences);
  }
  return bytes;
}

}  // namespace

PlacedBatch::PlacedBatch(const Context& ctx, const Model& model, const Batch& batch)
    : inputs_embeds(batch.inputs_embeds) {
  ops::start_placing(ctx, front_bytes(model, batch));
  if (batch.position_ids.empty()) {
    own_positions_ = positions_of(batch);
  }
  positions = ops::place<std::int64_t>(
      ctx, batch.position_ids.empty() ? own_positions_ : batch.position_ids);
  token_ids = ops::place(ctx, batch.token_ids);
  output_rows = ops::place(ctx, batch.output_rows);
  extend_states(batch);
  place_states(ctx, model, batch);
  ops::send_placed(ctx);
}

void PlacedBatch::place_states(const Context& ctx, const Model& model, const Batch& batch) {
  const std::span<const std::int64_t> cu_seqlens = ops::place(ctx, batch.cu_seqlens);
  const std::size_t sequences = batch.states.size();
  std::int64_t longest = 0;
  for (std::size_t b = 0; b < sequences; ++b) {
    longest = std::max(longest, batch.cu_seqlens[b + 1] - batch.cu_seqlens[b]);
  }
  const std::size_t all = model.weights.layers.size() * sequences;
  lightning_.reserve(all);  // the spans point into both
  softmax_kv_.reserve(all);
  std::int64_t lightning_layers = 0;
  std::int64_t softmax_layers = 0;
  for (const LayerWeights& layer : model.weights.layers) {
    LayerState state{.layer = std::ssize(layers),
                     .lightning = {},
                     .softmax_kv = {},
                     .longest = longest,
                     .cu_seqlens = cu_seqlens};
    const bool is_linear = layer.type == LayerType::kLinearAttention;
    for (SequenceState* sequence : batch.states) {
      if (is_linear) {
        lightning_.push_back(sequence->lightning(lightning_layers));
      } else {
        softmax_kv_.push_back(placed(ctx, sequence->kv(softmax_layers)));
      }
    }
    if (is_linear) {
      ++lightning_layers;
      state.lightning = ops::place<float*>(ctx, std::span(lightning_).last(sequences));
    } else {
      ++softmax_layers;
      state.cache_dtype = sequences > 0 ? softmax_kv_.back().dtype : state.cache_dtype;
      state.softmax_kv = ops::place<ops::KvCacheView>(ctx, std::span(softmax_kv_).last(sequences));
    }
    layers.push_back(state);
  }
}

}  // namespace minimax::model
