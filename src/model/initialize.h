// SPDX-License-Identifier: Apache-2.0
// Weights before training.
#pragma once

#include "base/random.h"
#include "model/parameters.h"
#include "tensor/memory.h"

namespace minimax::model {

/// Fills a parameter as transformers does: matrices with normally distributed numbers of that
/// deviation, norms with ones, biases with zeros. The same seed gives the same model on every
/// machine, but not the one of PyTorch.
/// Requires: a view of F32 or BF16.
void initialize(const Parameter& parameter, const tensor::Memory& memory, double deviation,
                base::SplitMix64& random);

}  // namespace minimax::model
