// SPDX-License-Identifier: Apache-2.0
// The activation functions of gates.
#pragma once

namespace minimax::cuda {

/// 1 / (1 + exp(-x)); for large negative x the exponential is infinite and the result 0.
__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

/// x * sigmoid(x).
__device__ inline float silu(float x) { return x / (1.0f + expf(-x)); }

}  // namespace minimax::cuda
