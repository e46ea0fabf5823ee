// SPDX-License-Identifier: Apache-2.0
// One forward() of a model class: padded inputs in, the output that all classes share out.
#pragma once

#include <optional>
#include <vector>

#include "engine/padding.h"
#include "engine/pretrained_model.h"

namespace minimax::engine {

/// What passed by while the layers ran, for P tokens without padding.
struct Collected {
  std::vector<std::vector<float>> hidden_states;  // [L + 1] of [P, E]
  std::vector<std::vector<float>> router_logits;  // [L] of [P, N]
};

class ForwardPass {
 public:
  /// Checks everything but labels. `inputs` and `options` must outlive the pass.
  /// Throws: Error{kInvalidArgument} naming the argument.
  ForwardPass(MiniMaxPreTrainedModel::Impl& impl, const ModelInputs& inputs,
              const ForwardOptions& options);

  const Packing& packing() const { return packing_; }

  /// Runs the model, once. Returns what its head makes of the packed tokens `output_rows`.
  std::vector<float> run(std::span<const std::int32_t> output_rows);
  /// Runs a model without a head. Returns the output of the final norm. [P, E]
  std::vector<float> run_headless();

  /// What of `output` all classes share. After run().
  void fill(ModelOutput& output);
  /// The loss of the routers, where router logits are wanted. After run().
  std::optional<float> aux_loss() const;

 private:
  void run_model(std::span<const std::int32_t> output_rows, std::span<float> logits);
  FloatTensor lightning_states(std::int64_t index) const;

  MiniMaxPreTrainedModel::Impl& impl_;
  const ModelInputs& inputs_;
  const ForwardOptions& options_;
  Packing packing_;
  bool wants_router_logits_;
  std::vector<State> fresh_;  // where no states were passed
  std::span<State> states_;   // [B]
  bool wants_last_hidden_state_ = false;
  Collected collected_;
};

/// Throws Error{kInvalidArgument} where an option is given that means nothing to the class.
void refuse_option(bool given, const char* option, const char* class_name);

/// Throws Error{kInvalidArgument} unless there are `expected` values.
void check_size(const char* name, std::size_t found, std::size_t expected);

}  // namespace minimax::engine
