// SPDX-License-Identifier: Apache-2.0
// What computes sigmoid_mul: elements [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/sigmoid_mul/sigmoid_mul.h"

namespace minimax::ops {

struct SigmoidMulElements {
  const float* x;
  const float* gate;
  float* out;  // may be x or gate
};

namespace reference {
void sigmoid_mul(const SigmoidMulElements& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void sigmoid_mul(const SigmoidMulElements& args, std::int64_t begin, std::int64_t end);
}

/// On the arguments of the operation, checked.
namespace cuda {
void sigmoid_mul(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& gate,
                 const tensor::Tensor& out);
}

}  // namespace minimax::ops
