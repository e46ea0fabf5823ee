// SPDX-License-Identifier: Apache-2.0
// The arguments of softmax_attention, checked and as plain arrays, for all operations that take
// them.
#pragma once

#include <cstddef>

#include "ops/checks.h"
#include "ops/softmax_attention/softmax_attention.h"
#include "ops/softmax_attention/softmax_attention_kernels.h"

namespace minimax::ops {

/// Throws: Error{kInvalidArgument}.
void check_arguments(const Checks& checks, const SoftmaxAttentionArgs& args);

SoftmaxSequence sequence_of(const SoftmaxAttentionArgs& args, std::size_t sequence);

}  // namespace minimax::ops
