// SPDX-License-Identifier: Apache-2.0
// Random factors of training: dropout, and the jitter before routers.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

enum class RandomFactor {
  kDropout,  // 0 with probability `amount`, else 1 / (1 - amount)
  kJitter,   // uniform in [1 - amount, 1 + amount)
};

/// Where a row comes from: the number of its sequence and its position there.
struct TokenPlace {
  std::int64_t sequence;
  std::int64_t position;
};

struct RandomScaleArgs {
  RandomFactor factor;
  double amount;  // from 0 to below 1
  std::uint64_t seed;
  std::int64_t layer;
  std::span<const TokenPlace> places;  // [T]
  tensor::Tensor x;                    // [T, E] F32
  tensor::Tensor out;                  // [T, E] F32, may be x
};

/// out = x times a random factor for every element, which follows from the seed, the layer, the
/// place and the column alone, not from threads, the batch or the split of the tokens into calls.
/// Source: Srivastava et al. 2014 for dropout; Fedus et al. 2021, section 2.2, for the jitter.
void random_scale(const Context& ctx, const RandomScaleArgs& args);

}  // namespace minimax::ops
