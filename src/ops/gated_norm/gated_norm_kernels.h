// SPDX-License-Identifier: Apache-2.0
// What computes gated_norm: rows [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/gated_norm/gated_norm.h"
#include "ops/rms_norm/rms_norm_kernels.h"

namespace minimax::ops {

struct GatedNormRows {
  RmsNormRows norm;   // norm.out may be norm.x
  const float* gate;  // [T, width], not norm.out
};

namespace reference {
void gated_norm(const GatedNormRows& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void gated_norm(const GatedNormRows& args, std::int64_t begin, std::int64_t end);
}  // namespace kernels

/// On the arguments of the operation, checked.
namespace cuda {
void gated_norm(const Context& ctx, const GatedNormArgs& args);
}

}  // namespace minimax::ops
