// SPDX-License-Identifier: Apache-2.0
// Lightning attention: linear attention with one fixed exponential decay per head.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

/// One or more sequences, their tokens concatenated along T.
struct LightningAttentionArgs {
  tensor::Tensor qkv;  // [T, H, 3, D] F32: the projection before SiLU; per head q, then k, then v
  std::span<const float> decay;  // [H], positive: a state shrinks by exp(-decay) a token
  std::span<const std::int64_t> cu_seqlens;  // [B + 1]: sequence b has tokens [b, b + 1) of these
  std::span<float* const> states;  // [B], each [H, D, D] F32 (key row, value column); in and out
  std::int64_t longest = 0;  // tokens of the longest sequence where the caller knows it; 0: unknown
  std::int64_t block_size = 256;  // at most so many tokens a block; any value gives the same
                                  // result but rounding, and kernels may take smaller blocks
  tensor::Tensor out;             // [T, H, D] F32
};

/// With q, k, v = SiLU(qkv), for each head and token t:
///   S_t = exp(-decay) S_{t-1} + k_t^T v_t,   o_t = q_t S_t.
/// The kernels compute blocks of tokens: o = (q decay^j) S + ((q k^T) * D) v with D_ij =
/// exp(-decay (i - j)) for i >= j, every exponent at most 0. The final S is left in `states`.
/// Source: MiniMax-01 report (arXiv 2501.08313), section 2.2; docs/theory/minimax.md.
void lightning_attention(const Context& ctx, const LightningAttentionArgs& args);

/// The bytes of scratch that lightning_attention takes, whatever the lengths and the batch.
std::int64_t lightning_attention_scratch_bytes(int threads, std::int64_t head_dim);

}  // namespace minimax::ops
