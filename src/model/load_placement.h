// SPDX-License-Identifier: Apache-2.0
// Deciding, before a model is loaded for a GPU, which of its weights stay on the host.
#pragma once

#include <vector>

#include "model/load_plan.h"
#include "model/loader.h"

namespace minimax::model {

/// Follows options.device_map: marks the items that stay on the host, sets model.placement and the
/// parts of model.size that follow, and warns of what the placement costs, which is measured.
/// Does nothing without a map. Requires: model.config and model.size are set.
/// Throws: as place_experts(); Error{kInvalidArgument} for options of a GPU on another device;
/// Error{kOutOfMemory} with the arithmetic where the host has too little memory.
void place_weights(const LoadOptions& options, const MemoryPlanner& planner,
                   std::vector<LoadItem>& items, Model& model);

}  // namespace minimax::model
