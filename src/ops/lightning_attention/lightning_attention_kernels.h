// SPDX-License-Identifier: Apache-2.0
// What computes lightning_attention: one head of one sequence, plain arrays.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

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

}  // namespace minimax::ops
