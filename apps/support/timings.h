// SPDX-License-Identifier: Apache-2.0
// How long a generation took, for people and as JSON.
#pragma once

#include <string>

#include "base/json.h"
#include "minimax/model.h"

namespace minimax::apps {

/// Tokens a second, or 0 where no time passed.
double tokens_per_second(std::int64_t tokens, double seconds);

/// {"prompt_seconds", "generate_seconds", "prompt_tokens_per_second", "tokens_per_second"} and,
/// where it is not negative, "load_seconds".
base::Json timings_json(const GenerateOutput& output, double load_seconds = -1);

/// "read 12 tokens in 0.10 s (120.0 tokens/s), generated 20 tokens in 0.50 s (40.0 tokens/s)"
std::string describe_timings(const GenerateOutput& output);

}  // namespace minimax::apps
