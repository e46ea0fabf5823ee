// SPDX-License-Identifier: Apache-2.0
// What one forward pass runs with, and the tokens that it runs on.
#pragma once

#include <cstdint>
#include <span>

#include "model/state.h"
#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::model {

/// Told what passes while the layers run. The tensors end with the call.
class ForwardObserver {
 public:
  ForwardObserver() = default;
  ForwardObserver(const ForwardObserver&) = delete;
  ForwardObserver& operator=(const ForwardObserver&) = delete;
  virtual ~ForwardObserver() = default;

  /// The rows between the layers: 0 the embeddings, i the output of layer i - 1, and L the output
  /// of the final norm. [T, E]
  virtual void hidden_state(std::int64_t /*index*/, const tensor::Tensor& /*rows*/) {}
  /// [T, N]
  virtual void router_logits(std::int64_t /*layer*/, const tensor::Tensor& /*rows*/) {}
};

struct Context : ops::Context {
  ops::Precision precision = ops::Precision::kFloat32;  // of the projections and experts
  ForwardObserver* observer = nullptr;                  // may be null
};

/// New tokens of one or more sequences, concatenated: T in all.
struct Batch {
  std::span<const std::int32_t> token_ids;          // [T]
  std::span<const float> inputs_embeds = {};        // [T, E], instead of token_ids
  std::span<const std::int64_t> position_ids = {};  // [T]; empty: counted on from the states
  std::span<const std::int64_t>
      cu_seqlens;                          // [B + 1]: sequence b has the tokens from [b] to [b + 1]
  std::span<SequenceState* const> states;  // [B]: what came before, advanced by forward()
  std::span<const std::int32_t> output_rows = {};  // rising rows of T that the head is applied to

  std::int64_t tokens() const { return cu_seqlens.back(); }
};

}  // namespace minimax::model
