// SPDX-License-Identifier: Apache-2.0
// Runs pieces of sequences through the model with memory that is planned once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cpu/thread_pool.h"
#include "cuda/runtime.h"
#include "engine/decode_step.h"
#include "engine/profile.h"
#include "minimax/model.h"
#include "model/activations.h"
#include "model/context.h"
#include "model/loader.h"
#include "tensor/buffer.h"

namespace minimax::engine {

/// What a run does besides; see model::Context.
struct RunOptions {
  bool keeps_attention_weights = false;
  model::ForwardObserver* observer = nullptr;
  const model::TrainingNoise* noise = nullptr;
  /// Asked before every step, with the tokens read so far; false ends the run there.
  std::function<bool(std::int64_t done_tokens)> goes_on = {};
};

class Runner {
 public:
  /// Plans activations for up to max_tokens() tokens a step. `model` must outlive the runner.
  /// Throws: Error{kInvalidArgument} for an unknown instruction set or thread count,
  /// Error{kDevice} for one that this machine lacks.
  Runner(const model::Model& model, const LoadOptions& options);

  /// The most tokens of a step: as many as their activations stay within a few tens of
  /// megabytes, so that long prompts cost no memory but their state.
  std::int64_t max_tokens() const { return max_tokens_; }
  int threads() const;
  /// The threads of the CPU, free between two runs; null on other devices.
  cpu::ThreadPool* pool() const { return pool_.get(); }
  /// Activations and scratch.
  std::int64_t workspace_bytes() const;

  /// Runs a batch of any size, in steps of at most max_tokens() tokens, and writes what the head
  /// makes of its output rows. Every sequence must have a token. How a sequence is cut depends on
  /// nothing but its own length, so that the others do not change its bits.
  /// Shapes: logits [output rows, columns of the head]. Returns false where options.goes_on did.
  bool run(const model::Batch& batch, std::span<float> logits, const RunOptions& options = {});

  /// Whether choose() can run so many sequences at once.
  bool can_choose(std::int64_t sequences) const;
  /// Runs one token of every sequence and chooses the next ones where the model runs; all rows are
  /// output rows. Shapes: plans [B], tokens [B]. Requires: can_choose(B).
  void choose(const model::Batch& batch, std::span<const ChoicePlan> plans,
              std::span<std::int32_t> tokens, Replay replay = Replay::kWherePossible);

  /// Where the time of a batch goes that fits one step.
  std::vector<PartTime> profile(const model::Batch& batch, std::int64_t repetitions);

  /// run() for the next tokens of one sequence; the head is applied to the last of them, as many
  /// as fill `logits`.
  void run(std::span<const std::int32_t> token_ids, model::SequenceState& state,
           std::span<float> logits);

 private:
  void prepare(const RunOptions& options);
  std::int64_t end_of_step(const model::Batch& batch, std::int64_t begin) const;
  model::Activations activations_of(std::int64_t tokens);
  void step(const model::Batch& batch, std::span<float> logits);
  tensor::Tensor logits_on_device(const tensor::Shape& shape);

  const model::Model& model_;
  std::int64_t max_tokens_ = 0;
  bool is_eager_ = false;
  std::unique_ptr<cpu::ThreadPool> pool_;
  std::unique_ptr<cuda::Runtime> cuda_;
  tensor::Arena activations_;
  tensor::Arena scratch_;
  tensor::Buffer device_logits_;             // where the device does not write to the host; grows
  std::unique_ptr<DecodeStep> decode_step_;  // null where the host chooses
  model::Context context_;
};

}  // namespace minimax::engine
