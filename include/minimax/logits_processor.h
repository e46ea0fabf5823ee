// SPDX-License-Identifier: Apache-2.0
// What a caller may do to the scores of the next token before one is chosen.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace minimax {

/// Changes the row of scores in place, one for every id of the vocabulary; minus infinity forbids a
/// token. `input_ids` are the prompt and the tokens chosen so far. NaN and plus infinity are
/// refused.
using LogitsProcessor =
    std::function<void(std::span<const std::int32_t> input_ids, std::span<float> scores)>;

}  // namespace minimax
