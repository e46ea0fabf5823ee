// SPDX-License-Identifier: Apache-2.0
// What one forward pass runs with, and the tokens that it runs on.
#pragma once

#include <cstdint>
#include <span>

#include "model/state.h"
#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::model {

struct MoeActivations;  // model/activations.h

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
  /// What the projections of an attention layer are multiplied with: the first ones, and the last
  /// one. [T, E] and [T, H * D]
  virtual void attention_inputs(std::int64_t /*layer*/, const tensor::Tensor& /*first*/,
                                const tensor::Tensor& /*last*/) {}
  /// What the experts of a layer read, [T, E], and what they keep of it (activations.h).
  virtual void expert_inputs(std::int64_t /*layer*/, const tensor::Tensor& /*x*/,
                             const MoeActivations& /*moe*/) {}
  /// The weights of a softmax layer, where they are kept. [B] of [H, n, length]
  virtual void attention_weights(std::int64_t /*layer*/,
                                 std::span<const tensor::Tensor> /*of_sequences*/) {}
};

/// Told which part of a forward pass begins, so that it can say where the time goes.
class Profiler {
 public:
  Profiler() = default;
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;
  virtual ~Profiler() = default;

  /// `part` lives as long as the program.
  virtual void begin(const char* part) = 0;
};

/// Random disturbances of training. They follow from the seed and the place of a value alone.
struct TrainingNoise {
  double router_jitter = 0.0;
  double attention_dropout = 0.0;
  double classifier_dropout = 0.0;
  std::uint64_t seed = 0;
};

struct Context : ops::Context {
  ops::Precision precision = ops::Precision::kFloat32;  // of the projections and experts
  bool keeps_attention_weights = false;                 // eager attention, else in tiles
  ForwardObserver* observer = nullptr;                  // may be null
  Profiler* profiler = nullptr;                         // may be null
  const TrainingNoise* noise = nullptr;                 // null: no training
};

/// The context itself, for the operation that is this part of a pass.
inline const Context& at(const Context& ctx, const char* part) {
  if (ctx.profiler != nullptr) {
    ctx.profiler->begin(part);
  }
  return ctx;  // NOLINT(bugprone-return-const-ref-from-parameter): contexts outlive their passes
}

/// New tokens of one or more sequences, concatenated: T in all.
struct Batch {
  std::span<const std::int32_t> token_ids;          // [T]
  std::span<const float> inputs_embeds = {};        // [T, E], instead of token_ids
  std::span<const std::int64_t> position_ids = {};  // [T]; empty: counted on from the states
  std::span<const std::int64_t>
      cu_seqlens;                          // [B + 1]: sequence b has the tokens from [b] to [b + 1]
  std::span<SequenceState* const> states;  // [B]: what came before, advanced by forward()
  std::span<const std::int32_t> output_rows = {};  // rising rows of T that the head is applied to
  std::int64_t first_sequence = 0;  // the number of sequence 0, where this is a part of a batch

  std::int64_t tokens() const { return cu_seqlens.back(); }
};

}  // namespace minimax::model
