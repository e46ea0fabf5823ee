// SPDX-License-Identifier: Apache-2.0
// What computes scaled_add: elements [begin, end) of plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/scaled_add/scaled_add.h"

namespace minimax::ops {

struct ScaledAddElements {
  float alpha;
  const float* a;
  float beta;
  const float* b;
  float* out;  // may be a or b
};

namespace reference {
void scaled_add(const ScaledAddElements& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
template <cpu::Isa isa>
void scaled_add(const ScaledAddElements& args, std::int64_t begin, std::int64_t end);
}

/// On the arguments of the operation, checked.
namespace cuda {
void scaled_add(const Context& ctx, const ScaledAddArgs& args);
}

}  // namespace minimax::ops
