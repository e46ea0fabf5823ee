// SPDX-License-Identifier: Apache-2.0
// Tells models apart, so that the state of one is not continued by another.
#pragma once

#include <cstdint>
#include <vector>

#include "minimax/config.h"
#include "model/parameters.h"
#include "ops/context.h"

namespace minimax::model {

/// A hash of all that a state depends on: the configuration, the arithmetic, and of every weight
/// below the heads its type, its shape and its bytes. Of large tensors evenly spaced samples stand
/// for all bytes, so that this costs milliseconds whatever the size of the model.
/// Requires: the views of `table` are loaded.
std::uint64_t model_identity(const MiniMaxConfig& config, ops::Precision precision,
                             const std::vector<Parameter>& table);

}  // namespace minimax::model
