// SPDX-License-Identifier: Apache-2.0
// The decay rates of lightning attention. They are fixed by the geometry, never learned: buffers
// of a checkpoint that hold them are ignored.
#pragma once

#include <cstdint>
#include <vector>

#include "minimax/config.h"

namespace minimax::model {

/// lambda_h = slope_h * layer_factor for every head of a layer: a state shrinks by
/// exp(-lambda_h) a token. [num_attention_heads]
/// Source: modeling_minimax.py (transformers 5.17) for kMiniMax; modeling_minimax_m1.py of the
/// MiniMax-M1 release for kOriginal; pinned by tests/golden.
std::vector<float> decay_rates(const MiniMaxConfig& config, std::int64_t layer);

}  // namespace minimax::model
