// SPDX-License-Identifier: Apache-2.0
// The part of one sequence that runs in one step of the engine.
#pragma once

#include <cstdint>
#include <vector>

#include "model/state.h"

namespace minimax::serving {

struct Piece {
  std::vector<std::int32_t> tokens;  ///< the next ones; none: there is nothing to run
  model::SequenceState* state = nullptr;
  std::int64_t outputs = 0;   ///< the last tokens whose logits are wanted
  bool wants_hidden = false;  ///< the last hidden states of all tokens are wanted
};

}  // namespace minimax::serving
