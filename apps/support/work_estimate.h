// SPDX-License-Identifier: Apache-2.0
// How much a forward pass has to move and to calculate, for the figures beside tokens/s. It counts
// what the mathematics needs, not what the kernels happen to do.
#pragma once

#include <cstdint>

#include "minimax/config.h"
#include "model/loader.h"

namespace minimax::apps {

struct Work {
  double bytes = 0;  // weights and state moved
  double flops = 0;  // a multiplication and an addition are two
};

/// What the estimates follow from.
struct WorkModel {
  MiniMaxConfig config;
  model::ModelMeasure measure;
};

/// One token for each of some sequences, that are all equally long.
struct DecodeStep {
  std::int64_t depth = 0;  // tokens before this one
  std::int64_t sequences = 1;
  double experts = 0;  // of a layer that any of the tokens chose, on average; 0: those of one token
};

/// The weights of the chosen experts and all others once, the lightning states there and back, all
/// keys and values.
Work decode_work(const WorkModel& model, const DecodeStep& step);

/// `tokens` at once from an empty state, with logits for the last one: every expert that is likely
/// to be chosen by at least one token is read once.
Work prefill_work(const WorkModel& model, std::int64_t tokens);

}  // namespace minimax::apps
