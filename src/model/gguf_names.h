// SPDX-License-Identifier: Apache-2.0
// What llama.cpp calls the parameters in files of its architecture "minimax-01".
#pragma once

#include <optional>

#include "minimax/config.h"
#include "model/parameters.h"

namespace minimax::model {

/// Where a GGUF file has the parameter that is published as `published`; nothing where it has no
/// place for it. Experts of one kind lie in one tensor, one after another; rows are in the same
/// order everywhere.
std::optional<ParameterSource> gguf_source(const MiniMaxConfig& config,
                                           const ParameterSource& published);

}  // namespace minimax::model
