// SPDX-License-Identifier: Apache-2.0
// One forward() of a model class: padded inputs in, the output that all classes share out.
#pragma once

#include <optional>
#include <vector>

#include "engine/collector.h"
#include "engine/padding.h"
#include "engine/pretrained_model.h"

namespace minimax::engine {

class ForwardPass {
 public:
  /// Checks everything but labels. `inputs` and `options` must outlive the pass. With
  /// `last_hidden_state`, run_headless() may be called.
  /// Throws: Error{kInvalidArgument} naming the argument.
  ForwardPass(MiniMaxPreTrainedModel::Impl& impl, const ModelInputs& inputs,
              const ForwardOptions& options, bool last_hidden_state = false);
  ForwardPass(const ForwardPass&) = delete;
  ForwardPass& operator=(const ForwardPass&) = delete;
  ~ForwardPass() = default;

  const Packing& packing() const { return packing_; }

  /// A dropout of the rows that the head reads, in training. Before run().
  void set_classifier_dropout(double probability) { classifier_dropout_ = probability; }

  /// Runs the model, once. Returns what its head makes of the packed tokens `output_rows`.
  std::vector<float> run(std::span<const std::int32_t> output_rows);
  /// Runs the model for the output of its final norm. [P, E]
  std::vector<float> run_headless();

  /// What of `output` all classes share. After run().
  void fill(ModelOutput& output);
  /// The loss of the routers, where router logits are wanted. After run().
  std::optional<float> aux_loss() const;

 private:
  void run_model(std::span<const std::int32_t> output_rows, std::span<float> logits);
  model::TrainingNoise noise() const;
  void fill_attentions(std::vector<FloatTensor>& attentions);
  FloatTensor lightning_states(std::int64_t index) const;

  MiniMaxPreTrainedModel::Impl& impl_;
  const ModelInputs& inputs_;
  const ForwardOptions& options_;
  Packing packing_;
  std::vector<State> fresh_;  // where no states were passed
  std::span<State> states_;   // [B]
  Collector collector_;
  double classifier_dropout_ = 0.0;
};

/// Throws Error{kInvalidArgument} where an option is given that means nothing to the class.
void refuse_option(bool given, const char* option, const char* class_name);

/// Throws Error{kInvalidArgument} unless there are `expected` values.
void check_size(const char* name, std::size_t found, std::size_t expected);

}  // namespace minimax::engine
