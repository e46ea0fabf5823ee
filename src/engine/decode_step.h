// SPDX-License-Identifier: Apache-2.0
// One token of every sequence of a batch on a GPU, with the choice of the next one: kernels that
// are recorded once for every size of a batch, and then launched with one call.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "cuda/graph.h"
#include "cuda/runtime.h"
#include "engine/sampler.h"
#include "model/activations.h"
#include "model/context.h"
#include "model/loader.h"
#include "tensor/buffer.h"

namespace minimax::engine {

/// Whether recordings run where there are some. Both give the same bits.
enum class Replay { kWherePossible, kNever };

class DecodeStep {
 public:
  /// The most sequences of a step.
  static constexpr std::int64_t kMostSequences = 64;

  /// Takes all the memory that it will need. All arguments must outlive it.
  /// Throws: Error{kOutOfMemory}.
  DecodeStep(const model::Model& model, cuda::Runtime& runtime);

  /// Runs a batch of one token a sequence, each of them an output row, and chooses the next tokens.
  /// The first step of a size runs kernel by kernel, the second one is recorded.
  /// Requires: activations(tokens) gives the same memory for the same number in every call.
  /// Throws: as model::forward().
  void run(const model::Context& ctx, const model::Batch& batch,
           const std::function<model::Activations(std::int64_t tokens)>& activations,
           std::span<const ChoicePlan> plans, Replay replay, std::span<std::int32_t> tokens);

  /// Sizes that are recorded.
  std::int64_t recordings() const;
  /// What the constructor took from the GPU.
  static std::int64_t device_bytes(std::int64_t vocab_size);

 private:
  struct Recording {
    bool has_run = false;
    std::optional<cuda::Graph> graph;
  };

  std::span<const ops::ChoiceRule> place_plans(std::span<const ChoicePlan> plans);

  const model::Model& model_;
  cuda::Runtime& runtime_;
  cuda::Staging staging_;  // of the plans
  tensor::Buffer logits_;  // [kMostSequences, V] F32
  tensor::Buffer tokens_;  // [kMostSequences] I32
  tensor::Buffer chosen_;  // the same on the host, where the GPU writes it
  std::map<std::int64_t, Recording> recordings_;
};

}  // namespace minimax::engine
