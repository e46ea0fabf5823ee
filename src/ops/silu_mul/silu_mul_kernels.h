// SPDX-License-Identifier: Apache-2.0
// What computes silu_mul: elements [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/silu_mul/silu_mul.h"

namespace minimax::ops {

struct SiluMulElements {
  const float* gate;
  const float* up;
  float* out;  // may be gate or up
};

namespace reference {
void silu_mul(const SiluMulElements& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void silu_mul(const SiluMulElements& args, std::int64_t begin, std::int64_t end);
}

/// On the arguments of the operation, checked.
namespace cuda {
void silu_mul(const Context& ctx, const tensor::Tensor& gate, const tensor::Tensor& up,
              const tensor::Tensor& out);
}

}  // namespace minimax::ops
