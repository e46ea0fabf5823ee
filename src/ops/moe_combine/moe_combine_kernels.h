// SPDX-License-Identifier: Apache-2.0
// What computes moe_combine: tokens [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/moe_combine/moe_combine.h"

namespace minimax::ops {

struct MoeCombineRows {
  const float* rows;                // [R, width]
  const std::int32_t* row_of_pair;  // [T * top_k], each in [0, R)
  const float* expert_weights;      // [T, top_k]
  std::int64_t top_k;
  std::int64_t width;
  float* out;  // [T, width]
};

namespace reference {
void moe_combine(const MoeCombineRows& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void moe_combine(const MoeCombineRows& args, std::int64_t begin, std::int64_t end);
}

/// On the arguments of the operation, checked.
namespace cuda {
void moe_combine(const Context& ctx, const MoeCombineArgs& args);
}

}  // namespace minimax::ops
