// SPDX-License-Identifier: Apache-2.0
// What the model thinks of a token, from a row of logits.
#pragma once

#include <cstdint>
#include <span>

#include "serving/request.h"

namespace minimax::serving {

/// The logarithms of the probabilities of `token` and of the `top` likeliest tokens, of equals the
/// lower ids first. Throws: Error{kCorruptFile} where a logit is NaN or infinite.
TokenLogprobs token_logprobs(std::span<const float> logits, std::int32_t token, std::int64_t top);

}  // namespace minimax::serving
