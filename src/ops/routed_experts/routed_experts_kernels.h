// SPDX-License-Identifier: Apache-2.0
// The routed experts of few tokens at once.
#pragma once

#include "ops/routed_experts/routed_experts.h"

namespace minimax::ops::cuda {

/// Whether few_tokens_experts() is for these: weights in tiles, equally spaced, and few tokens.
bool takes_few_tokens(const Context& ctx, const RoutedExpertsArgs& args);

/// Computes out alone, in one launch. Requires: takes_few_tokens().
void few_tokens_experts(const Context& ctx, const RoutedExpertsArgs& args);

}  // namespace minimax::ops::cuda
