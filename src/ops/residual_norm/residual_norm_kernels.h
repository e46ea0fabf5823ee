// SPDX-License-Identifier: Apache-2.0
// What computes residual_norm: rows [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/residual_norm/residual_norm.h"
#include "ops/rms_norm/rms_norm_kernels.h"
#include "ops/scaled_add/scaled_add_kernels.h"

namespace minimax::ops {

/// Its parts: what scaled_add leaves in `add.out` is what rms_norm reads.
struct ResidualNormRows {
  ScaledAddElements add;
  RmsNormRows norm;  // norm.out may be add.a or add.b
};

namespace reference {
void residual_norm(const ResidualNormRows& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void residual_norm(const ResidualNormRows& args, std::int64_t begin, std::int64_t end);
}  // namespace kernels

/// On the arguments of the operation, checked.
namespace cuda {
void residual_norm(const Context& ctx, const ResidualNormArgs& args);
}

}  // namespace minimax::ops
