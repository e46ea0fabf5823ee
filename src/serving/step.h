// SPDX-License-Identifier: Apache-2.0
// One pass of the model over pieces of many requests.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "serving/job.h"

namespace minimax::serving {

/// A piece and whose it is.
struct Work {
  Job* job;
  Answer* answer;  ///< null: of the prompt
  Piece piece;
  std::span<float> logits = {};            ///< [piece.outputs, V], after the step
  std::optional<std::int32_t> token = {};  ///< where the step chose it, instead of logits
};

class Step {
 public:
  explicit Step(const JobContext& context) : context_(context) {}

  /// Runs all pieces in one batch (where batches must make no difference and would on this device,
  /// each by itself) and fills their logits, which are valid until the next call; or
  /// their tokens, where nothing but answers go on and the model's device can choose for all.
  /// Where it only reads prompts on a CPU, it calls `poll` between any two layers, and stops once
  /// all requests in the step are cancelled. A request for whose piece there is no memory fails and
  /// does not run. Returns the seconds that the model took; what it throws, but for the end of all
  /// requests, fails all of them.
  double run(std::vector<Work>& works, const std::function<void()>& poll);

 private:
  void reserve(std::vector<Work>& works) const;
  bool needs_observer(std::span<const Work> works) const;
  bool can_choose(std::span<const Work> works) const;
  bool runs_alone() const;
  void run_all(std::span<Work> works, const std::function<void()>& poll);
  void run_batch(std::span<Work> works, std::span<float> logits, const std::function<void()>& poll);

  const JobContext& context_;
  std::vector<float> logits_;
};

}  // namespace minimax::serving
