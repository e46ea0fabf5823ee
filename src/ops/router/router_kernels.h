// SPDX-License-Identifier: Apache-2.0
// What computes the router: logits of tokens and experts, then the choice of each token.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "ops/router/router.h"

namespace minimax::ops {

struct RouterLogits {
  const float* x;       // [tokens, width]
  const float* weight;  // [experts, width]
  std::int64_t tokens;
  std::int64_t width;
  std::int64_t experts;
  float* logits;  // [tokens, experts]
};

struct RouterChoice {
  const float* logits;  // [T, experts]
  std::int64_t experts;
  std::int64_t top_k;
  std::int32_t* expert_ids;  // [T, top_k]
  float* expert_weights;     // [T, top_k]
};

namespace reference {
/// Tokens [begin, end).
void router_logits(const RouterLogits& args, std::int64_t begin, std::int64_t end);
void router_choice(const RouterChoice& args, std::int64_t begin, std::int64_t end);
}  // namespace reference

namespace kernels {
/// Logits are computed in blocks of so many tokens and as many experts; the blocks [begin, end),
/// numbered along the experts first.
inline constexpr std::int64_t kRouterBlock = 4;
template <cpu::Isa isa>
void router_logits(const RouterLogits& args, std::int64_t begin, std::int64_t end);
}  // namespace kernels

/// On the arguments of the operation, checked.
namespace cuda {
void router(const Context& ctx, const RouterArgs& args);
}

}  // namespace minimax::ops
