// SPDX-License-Identifier: Apache-2.0
#include "support/memory_plan.h"

#include "base/memory.h"
#include "cuda/device.h"
#include "engine/workspace.h"
#include "model/state.h"

namespace minimax::apps {
namespace {

// The library's promise: weights and states apart, it takes no more than this.
constexpr std::int64_t kLargestWorkspace = std::int64_t{64} << 20;

}  // namespace

MemoryPlan plan_memory(const MiniMaxConfig& config, const model::ModelMeasure& measure,
                       std::int64_t context_tokens, Device device) {
  const bool on_gpu = device == Device::kCuda;
  const model::StateSize state = model::state_size(config, measure.precision);
  return {.context_tokens = context_tokens,
          .weights = measure.size.weight_bytes,
          .lightning_states = state.fixed_bytes,
          .keys_and_values = state.kv_bytes(context_tokens),
          .workspace = on_gpu ? engine::plan_device(config, measure, device, 1).workspace.total()
                              : kLargestWorkspace,
          .available = on_gpu ? cuda::require_device().free_bytes : base::available_memory_bytes()};
}

}  // namespace minimax::apps
