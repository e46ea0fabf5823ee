// SPDX-License-Identifier: Apache-2.0
// What a caller may look at to end a sequence.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace minimax {

/// Called after every token; true ends the sequence with it. `input_ids` are the prompt and all
/// tokens chosen so far, the new one last; `scores` is the row that it was chosen from, one score
/// for every id of the vocabulary, after all processors.
using StoppingCriteria =
    std::function<bool(std::span<const std::int32_t> input_ids, std::span<const float> scores)>;

}  // namespace minimax
