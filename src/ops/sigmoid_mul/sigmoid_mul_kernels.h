// SPDX-License-Identifier: Apache-2.0
// What computes sigmoid_mul: elements [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

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

}  // namespace minimax::ops
