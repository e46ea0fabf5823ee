// SPDX-License-Identifier: Apache-2.0
// What computes lightning_attention: one head of one sequence, plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/lightning_attention/lightning_attention.h"

namespace minimax::ops {

/// One head of one sequence. A token's q, k and v follow each other.
struct LightningHead {
  const float* qkv;         // token t: qkv + t * qkv_stride: q [D], k [D], v [D]
  std::int64_t qkv_stride;  // elements from a token to the next
  std::int64_t tokens;
  std::int64_t head_dim;
  float decay;
  float* state;  // [D, D], in and out
  float* out;    // token t: out + t * out_stride: [D]
  std::int64_t out_stride;
};

namespace reference {
void lightning_attention(const LightningHead& head);
}

namespace kernels {

/// The tokens of a block: enough that the state is read and written seldom, few enough that the
/// products inside of a block, which grow with it, stay a small part.
inline constexpr std::int64_t kLightningBlock = 64;

/// What one thread works with.
struct LightningWork {
  std::int64_t block;  // tokens a block, from 1 to kLightningBlock
  // powers[n] + powers_low[n] = exp(-decay n) in twice the digits of float32, n = 0 .. block. The
  // factor of the state is applied once a block or token for as long as the state remembers, so
  // its rounding error would add up.
  const float* powers;
  const float* powers_low;
  float* scratch;  // lightning_scratch_floats, aligned to 64 bytes
};

/// The floats of scratch that a call takes.
std::int64_t lightning_scratch_floats(std::int64_t head_dim);

template <cpu::Isa isa>
void lightning_attention(const LightningHead& head, const LightningWork& work);

}  // namespace kernels

/// On the arguments of the operation, checked.
namespace cuda {
void lightning_attention(const Context& ctx, const LightningAttentionArgs& args);
}

}  // namespace minimax::ops
