// SPDX-License-Identifier: Apache-2.0
// What computes sigmoid_blend: rows [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/sigmoid_blend/sigmoid_blend.h"

namespace minimax::ops {

struct SigmoidBlendRows {
  const float* coefficient;  // [T]
  const float* routed;       // [T, width]
  const float* shared;       // [T, width]
  std::int64_t width;
  float* out;  // [T, width], may be routed or shared
};

namespace reference {
void sigmoid_blend(const SigmoidBlendRows& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void sigmoid_blend(const SigmoidBlendRows& args, std::int64_t begin, std::int64_t end);
}

/// On the arguments of the operation, checked.
namespace cuda {
void sigmoid_blend(const Context& ctx, const tensor::Tensor& coefficient,
                   const tensor::Tensor& routed, const tensor::Tensor& shared,
                   const tensor::Tensor& out);
}

}  // namespace minimax::ops
