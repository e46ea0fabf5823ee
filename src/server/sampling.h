// SPDX-License-Identifier: Apache-2.0
// The fields of a request that say how tokens are chosen, which all protocols share.
#pragma once

#include <cstdint>
#include <optional>

#include "minimax/generation_config.h"
#include "server/fields.h"
#include "server/limits.h"
#include "server/served_model.h"

namespace minimax::server {

/// Where a protocol names something in its own way.
struct SamplingNames {
  const char* max_tokens = "max_tokens";
  const char* alternative_max_tokens = "max_completion_tokens";  ///< wins; may be null
  const char* stop = "stop";
  const char* answers = "n";  ///< null: always one
  std::int64_t min_max_tokens = 1;
};

/// The defaults of the model with what the request says. max_new_tokens stays unset where the
/// request leaves it open. Without a seed, every request draws one.
/// Throws: ApiError{400} naming the field and its range.
GenerationConfig read_sampling(const Fields& fields, const ServedModel& model,
                               const RequestLimits& limits, const SamplingNames& names = {});

/// Sets max_new_tokens for the prompt in `field`, and checks that both fit into the context.
/// Throws: ApiError{400, context_length_exceeded} with both numbers.
void fit_into_context(GenerationConfig& config, std::int64_t prompt_tokens, const char* field,
                      const ServedModel& model, const RequestLimits& limits);

}  // namespace minimax::server
