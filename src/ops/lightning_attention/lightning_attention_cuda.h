// SPDX-License-Identifier: Apache-2.0
// Lightning attention on the GPU, against plain device pointers: prompts of any lengths, and one
// token each of many sequences. README.md has the formulas.
#pragma once

#include <cstdint>

#include "cuda/stream.h"
#include "tensor/dtype.h"

namespace minimax::ops::cuda {

/// What is still to be done to q, k and v.
enum class LightningInput { kProjection, kActivated };

/// All pointers are device memory and must outlive the work on the stream. Nothing here is read by
/// the host, so that a captured graph sees new lengths, states and decays.
struct LightningCudaArgs {
  const void* qkv;         // [T, H, 3, D]; per head q, then k, then v; 16-byte aligned
  tensor::DType qkv_type;  // kBF16 or kF32
  void* out;               // [T, H, D]; 16-byte aligned
  tensor::DType out_type;  // kBF16 or kF32
  const float* decay;      // [H], positive: a state shrinks by exp(-decay) a token
  const std::int64_t* cu_seqlens = nullptr;  // [B + 1]: sequence b has tokens [b, b + 1) of these
  float* const* states;   // [B], each [H, D, D] (key row, value column), 16-byte aligned; in, out
  std::int64_t tokens;    // T, at least cu_seqlens[B]; rows behind are neither used nor written
  std::int64_t batch;     // B
  std::int64_t heads;     // H
  std::int64_t head_dim;  // D, from 1 to 128
  LightningInput input = LightningInput::kProjection;
};

/// Which kernel computes a prompt.
///   kExact   float32 throughout, for float32 activations, other D, and as a check
///   kMma     bf16 products with float32 sums and state, compute capability 8.0, D a multiple of 16
///   kHopper  the same for D = 128 on sm_90a, bf16 input
enum class LightningKernel { kExact, kMma, kHopper };

/// The fastest for these types and sizes on the current device; float32 input is exact.
LightningKernel lightning_kernel(const LightningCudaArgs& args);

/// Prompts: with q, k, v = SiLU(qkv), for each sequence, head and token t
///   S_t = exp(-decay) S_{t-1} + k_t^T v_t,   o_t = q_t S_t,
/// from the states to the states. A sequence without tokens leaves its state as it is; its pointer
/// is not read.
/// Throws: Error{kInvalidArgument} for types and sizes that no kernel has, Error{kDevice}.
void lightning_attention(const LightningCudaArgs& args, minimax::cuda::Stream stream);
void lightning_attention(const LightningCudaArgs& args, LightningKernel kernel,
                         minimax::cuda::Stream stream);

/// One token of each sequence, T = B; cu_seqlens is not used. Where a state is null the row is
/// padding: its output is zero. Bytes: the state once in and once out; the aim is the rate of a
/// copy.
void lightning_attention_step(const LightningCudaArgs& args, minimax::cuda::Stream stream);

/// The most tokens that may wait beside a state.
inline constexpr int kMaxWindow = 16;

/// Tokens that a state does not have yet: their rows of k and v as the projection gave them.
struct LightningPending {
  void* const* rows;  // [B], each [H, W, 2, D] of the type of qkv: per head and token k, then v
  const std::int32_t* count;  // [B], from 0 to W - 1: how many of the rows a sequence has
  std::int64_t window;        // W, from 1 to kMaxWindow
};

/// As lightning_attention_step, but the states are only read, and the token is added to the pending
/// rows of its sequence; where it is the last of the window, the state takes in all of them and is
/// written. The caller counts: count + 1 afterwards, or 0 after the last. D = 128.
/// Bytes: the state once in, and once out every W-th time; 4 D a pending token of bf16.
void lightning_attention_deferred_step(const LightningCudaArgs& args,
                                       const LightningPending& pending,
                                       minimax::cuda::Stream stream);

}  // namespace minimax::ops::cuda
