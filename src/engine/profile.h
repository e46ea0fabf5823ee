// SPDX-License-Identifier: Apache-2.0
// Where the time of a forward pass goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/runtime.h"
#include "model/activations.h"
#include "model/context.h"
#include "model/loader.h"

namespace minimax::engine {

/// One part of a pass, in all layers.
struct PartTime {
  std::string part;
  std::int64_t calls = 0;
  double seconds = 0.0;  // of all calls; the median over the repetitions
};

struct ProfileArgs {
  const model::Context& context;
  const model::Model& model;
  model::Activations& activations;
  tensor::Tensor logits;  // where the model runs
  std::int64_t repetitions = 1;
};

/// Runs a batch several times. On a GPU its kernels are recorded and run again in the same place,
/// with a moment noted between each two parts, which costs a few microseconds; elsewhere its
/// sequences grow with every repetition. Parts come in the order in which they began first.
std::vector<PartTime> profile(const ProfileArgs& args, const model::Batch& batch);

}  // namespace minimax::engine
