// SPDX-License-Identifier: Apache-2.0
// The routed experts of few tokens at once.
#pragma once

#include "ops/routed_experts/routed_experts.h"

namespace minimax::ops::cuda {

/// Computes out alone, in one launch, where the weights are tiles and the tokens few; else does
/// nothing and returns false.
bool few_tokens_experts(const Context& ctx, const RoutedExpertsArgs& args);

}  // namespace minimax::ops::cuda
