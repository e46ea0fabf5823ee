// SPDX-License-Identifier: Apache-2.0
// What computes rope: tokens [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/rope/rope.h"

namespace minimax::ops {

struct RopeRows {
  float* x;          // [T, heads, head_dim]
  const float* cos;  // [T, pairs]
  const float* sin;  // [T, pairs]
  std::int64_t heads;
  std::int64_t head_dim;
  std::int64_t pairs;  // 2 * pairs <= head_dim
};

namespace reference {
void rope(const RopeRows& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void rope(const RopeRows& args, std::int64_t begin, std::int64_t end);
}

/// On the arguments of the operation, checked.
namespace cuda {
void rope_table(const Context& ctx, std::span<const std::int64_t> positions, double theta,
                const tensor::Tensor& cos, const tensor::Tensor& sin);
void rope(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& cos,
          const tensor::Tensor& sin);
}  // namespace cuda

}  // namespace minimax::ops
