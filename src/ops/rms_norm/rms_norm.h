// SPDX-License-Identifier: Apache-2.0
// Root mean square normalisation of rows.
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// out[t] = weight * x[t] / sqrt(mean(x[t]^2) + eps), in float32.
/// Shapes: x [T, E] F32; weight [E] F32; out [T, E] F32, may be x.
/// Source: Zhang and Sennrich 2019, equation 4.
void rms_norm(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& weight, double eps,
              const tensor::Tensor& out);

}  // namespace minimax::ops
