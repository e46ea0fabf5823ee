// SPDX-License-Identifier: Apache-2.0
// What computes rms_norm: rows [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/rms_norm/rms_norm.h"

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

/// On the arguments of the operation, checked.
namespace cuda {
void rms_norm(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& weight, double eps,
              const tensor::Tensor& out);
}

}  // namespace minimax::ops
