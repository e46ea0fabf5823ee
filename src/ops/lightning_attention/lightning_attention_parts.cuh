// SPDX-License-Identifier: Apache-2.0
// What the CUDA kernels of lightning attention share. Not for anything but these kernels.
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

#include "cuda/bf16.cuh"
#include "ops/lightning_attention/lightning_attention_cuda.h"

namespace minimax::ops::cuda {

void lightning_exact(const LightningCudaArgs& args, minimax::cuda::Stream stream);
void lightning_mma(const LightningCudaArgs& args, minimax::cuda::Stream stream);
void lightning_hopper(const LightningCudaArgs& args, minimax::cuda::Stream stream);

/// A decay of n tokens in twice the digits of float32. The factor of the state is applied for as
/// long as the state remembers, so its rounding error would add up.
struct DecayFactor {
  float high;
  float low;
};

__device__ inline DecayFactor decay_factor(float decay, int tokens) {
  const double factor = exp(-static_cast<double>(decay) * tokens);
  const auto high = static_cast<float>(factor);
  return {high, static_cast<float>(factor - high)};
}

__device__ inline float apply(DecayFactor factor, float value) {
  return fmaf(value, factor.high, value * factor.low);
}

/// 2^x and 1 / x, each to about 2^-22 of itself.
__device__ inline float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline float fast_reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// tanh to 2^-11 of itself.
__device__ inline float fast_tanh(float x) {
  float y;
  asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/// x sigmoid(x) of both; one reciprocal serves two numbers, since its unit is the slowest. Where
/// the exponential would leave no room for the product, sigmoid is 2^-60 or less anyway.
__device__ inline void silu(float& x, float& y) {
  constexpr float kMinusLog2E = -1.4426950408889634f;
  const float a = 1.0f + fast_exp2(fminf(x * kMinusLog2E, 60.0f));
  const float b = 1.0f + fast_exp2(fminf(y * kMinusLog2E, 60.0f));
  const float reciprocal = fast_reciprocal(a * b);
  x *= b * reciprocal;
  y *= a * reciprocal;
}

/// The accurate one, for float32 results.
__device__ inline float silu(float x) { return x / (1.0f + expf(-x)); }

__device__ inline float load_number(const float* from) { return *from; }
__device__ inline float load_number(const __nv_bfloat16* from) { return __bfloat162float(*from); }
__device__ inline void store_number(float* to, float value) { *to = value; }
__device__ inline void store_number(__nv_bfloat16* to, float value) {
  *to = __float2bfloat16_rn(value);
}

/// Calls `function` with null pointers of the element types of qkv and out.
template <class F>
void visit_types(const LightningCudaArgs& args, F&& function) {
  const auto with_out = [&](auto in) {
    if (args.out_type == tensor::DType::kF32) {
      function(in, static_cast<float*>(nullptr));
    } else {
      function(in, static_cast<__nv_bfloat16*>(nullptr));
    }
  };
  if (args.qkv_type == tensor::DType::kF32) {
    with_out(static_cast<const float*>(nullptr));
  } else {
    with_out(static_cast<const __nv_bfloat16*>(nullptr));
  }
}

}  // namespace minimax::ops::cuda
