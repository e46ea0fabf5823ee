// SPDX-License-Identifier: Apache-2.0
// How softmax_attention is cut into parts for the threads of a CPU: tiles of query rows, and, where
// there are few of those, ranges of keys. How a sequence is cut depends on itself alone, neither on
// the threads nor on the rest of the batch.
#pragma once

#include <span>

#include "ops/context.h"
#include "ops/softmax_attention/softmax_attention_kernels.h"

namespace minimax::ops {

/// Computes all sequences.
void softmax_on_cpu(const Context& ctx, std::span<const SoftmaxSequence> sequences);

}  // namespace minimax::ops
