// SPDX-License-Identifier: Apache-2.0
// Collects what passes by while the layers run, for the outputs of the model classes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/padding.h"
#include "minimax/outputs.h"
#include "model/context.h"

namespace minimax::engine {

/// What is wanted of a forward pass.
struct Wanted {
  bool hidden_states = false;      // all of them
  bool last_hidden_state = false;  // the output of the final norm
  bool router_logits = false;
  bool attentions = false;

  /// Whether a pass has to be looked on at all: a GPU has to send what is looked at to the host.
  bool any() const { return hidden_states || last_hidden_state || router_logits || attentions; }
};

/// For P tokens without padding.
class Collector : public model::ForwardObserver {
 public:
  /// `past` are the lengths of the sequences before the pass. [B]. `packing` must outlive this.
  Collector(const Wanted& wanted, const MiniMaxConfig& config, const Packing& packing,
            std::vector<std::int64_t> past);

  const Wanted& wanted() const { return wanted_; }

  void hidden_state(std::int64_t index, const tensor::Tensor& rows) override;
  void router_logits(std::int64_t layer, const tensor::Tensor& rows) override;
  void attention_weights(std::int64_t layer, std::span<const tensor::Tensor> of_sequences) override;

  /// [L + 1] of [P, E]; without `hidden_states` all but the last are empty.
  std::vector<std::vector<float>> hidden_states;
  std::vector<std::vector<float>> routers;  // [L] of [P, N]
  std::vector<FloatTensor> attentions;      // [L] of [B, H, T, S], empty for lightning layers

 private:
  void place(const tensor::Tensor& weights, std::int64_t row, std::int64_t first_token,
             FloatTensor& all) const;
  std::int64_t key_column(std::int64_t row, std::int64_t key) const;

  Wanted wanted_;
  const Packing& packing_;
  std::int64_t heads_;
  std::vector<std::int64_t> past_;
  std::int64_t longest_past_;
  std::vector<std::int64_t> tokens_seen_;  // [L], of the attention weights
};

}  // namespace minimax::engine
