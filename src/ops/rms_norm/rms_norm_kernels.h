// SPDX-License-Identifier: Apache-2.0
// What computes rms_norm: rows [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace minimax::ops {

struct RmsNormRows {
  const float* x;       // [T, width]
  const float* weight;  // [width]
  double eps;
  std::int64_t width;
  float* out;  // [T, width], may be x
};

namespace reference {
void rms_norm(const RmsNormRows& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void rms_norm(const RmsNormRows& args, std::int64_t begin, std::int64_t end);
}

}  // namespace minimax::ops
