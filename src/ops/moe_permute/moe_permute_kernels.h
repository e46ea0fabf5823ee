// SPDX-License-Identifier: Apache-2.0
// What computes moe_permute: a counting sort of plain arrays.
#pragma once

#include <cstdint>

#include "ops/moe_permute/moe_permute.h"

namespace minimax::ops {

struct MoePermutePairs {
  const std::int32_t* expert_ids;  // [pairs], each in [0, experts)
  std::int64_t pairs;
  std::int64_t experts;
  std::int32_t* offsets;      // [experts + 1]
  std::int32_t* pair_of_row;  // [pairs]
  std::int32_t* row_of_pair;  // [pairs]
};

namespace reference {
void moe_permute(const MoePermutePairs& args);
}

/// On the arguments of the operation, checked.
namespace cuda {
void moe_permute(const Context& ctx, const MoePermutePairs& pairs);
}

}  // namespace minimax::ops
