// SPDX-License-Identifier: Apache-2.0
// What a model will take in memory, worked out before anything is loaded.
#pragma once

#include <cstdint>

#include "minimax/config.h"
#include "model/loader.h"

namespace minimax::apps {

/// All in bytes but for context_tokens.
struct MemoryPlan {
  std::int64_t context_tokens = 0;
  std::int64_t weights = 0;
  std::int64_t lightning_states = 0;  // of one sequence, whatever its length
  std::int64_t keys_and_values = 0;   // of one sequence of context_tokens, or of its sliding window
  std::int64_t workspace = 0;         // activations and scratch, at most
  std::int64_t available = 0;         // on this machine, now

  std::int64_t total() const { return weights + lightning_states + keys_and_values + workspace; }
  bool fits() const { return total() <= available; }
};

/// Of the memory of the GPU for Device::kCuda. Throws: Error{kDevice} where there is none.
MemoryPlan plan_memory(const MiniMaxConfig& config, const model::ModelMeasure& measure,
                       std::int64_t context_tokens, Device device);

}  // namespace minimax::apps
