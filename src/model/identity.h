// SPDX-License-Identifier: Apache-2.0
// Tells models apart, so that the state of one is not continued by another.
#pragma once

#include <cstdint>
#include <vector>

#include "io/checkpoint_reader.h"
#include "minimax/config.h"
#include "model/load_plan.h"
#include "ops/context.h"
#include "tensor/memory.h"

namespace minimax::model {

/// A hash of all that a state depends on: the configuration, the arithmetic, and of every weight
/// below the heads its type in memory, its shape and its values, wherever they are kept: experts
/// that are read on demand count as those in memory do. Of large tensors a few rows stand for all,
/// of those of routed experts the fewest, so that this costs little whatever the size of the model.
/// `reader` reads the checkpoint of the items; those without an entry are taken from memory.
/// Requires: the views of items without an entry are filled.
/// Throws: as read_parameter().
std::uint64_t model_identity(const MiniMaxConfig& config, ops::Precision precision,
                             const std::vector<LoadItem>& items, const io::CheckpointReader& reader,
                             const tensor::Memory& memory);

}  // namespace minimax::model
