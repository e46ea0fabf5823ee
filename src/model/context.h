// SPDX-License-Identifier: Apache-2.0
// What one forward pass runs with, and the tokens that it runs on.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "model/state.h"
#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::model {

struct Context : ops::Context {
  ops::Precision precision = ops::Precision::kFloat32;  // of the projections and experts
};

/// New tokens of one or more sequences, concatenated.
struct Batch {
  std::span<const std::int32_t> token_ids;  // [T]
  std::span<const std::int64_t>
      cu_seqlens;                          // [B + 1]: sequence b has the tokens from [b] to [b + 1]
  std::span<SequenceState* const> states;  // [B]: what came before, advanced by forward()
  std::span<const std::int32_t> output_rows;  // rows of T whose logits are wanted

  std::int64_t tokens() const { return static_cast<std::int64_t>(token_ids.size()); }
};

/// Told the rows between the layers: 0 the embeddings, i the output of layer i - 1, and L the
/// output of the final norm. The tensor [T, E] ends with the call.
using HiddenStateObserver =
    std::function<void(std::int64_t index, const tensor::Tensor& hidden_state)>;

}  // namespace minimax::model
