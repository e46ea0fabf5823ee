// SPDX-License-Identifier: Apache-2.0
// The router's logits for the CPU. Every logit is summed in one vector along the row and then
// over its lanes, whatever block of tokens and experts it is computed in.
#include <cstddef>

#include "ops/bounds.h"
#include "ops/lanes.h"
#include "ops/router/router_kernels.h"

namespace minimax::ops::kernels {
namespace {

template <int kExperts>
struct Sums {
  Vec of[std::size_t{kExperts}];
};

// kTokens rows of x from `token` on with kExperts rows of weight from `expert` on.
template <int kTokens, int kExperts>
void block(const RouterLogits& args, std::int64_t token, std::int64_t expert) {
  Sums<kExperts> sums[std::size_t{kTokens}] = {};
  const float* x = args.x + token * args.width;
  const float* weight = args.weight + expert * args.width;
  for_each_vec(0, args.width, [&](std::int64_t i, auto lanes) {
    Vec columns[std::size_t{kExperts}];
    for (int e = 0; e < kExperts; ++e) {
      columns[e] = load(weight + e * args.width + i, lanes);
    }
    for (int t = 0; t < kTokens; ++t) {
      const Vec row = load(x + t * args.width + i, lanes);
      for (int e = 0; e < kExperts; ++e) {
        sums[t].of[e] = cpu::fma(row, columns[e], sums[t].of[e]);
      }
    }
  });
  for (int t = 0; t < kTokens; ++t) {
    for (int e = 0; e < kExperts; ++e) {
      args.logits[(token + t) * args.experts + expert + e] = cpu::reduce_add(sums[t].of[e]);
    }
  }
}

template <int kTokens>
void all_experts(const RouterLogits& args, std::int64_t token, std::int64_t begin,
                 std::int64_t end) {
  std::int64_t expert = begin;
  for (; expert + kRouterBlock <= end; expert += kRouterBlock) {
    block<kTokens, kRouterBlock>(args, token, expert);
  }
  for (; expert < end; ++expert) {
    block<kTokens, 1>(args, token, expert);
  }
}

}  // namespace

template <cpu::Isa>
void router_logits(const RouterLogits& args, std::int64_t begin, std::int64_t end) {
  const std::int64_t across = (args.experts + kRouterBlock - 1) / kRouterBlock;
  for (std::int64_t index = begin; index < end; ++index) {
    const std::int64_t first = index % across * kRouterBlock;
    const std::int64_t last = smaller(first + kRouterBlock, args.experts);
    const std::int64_t token = index / across * kRouterBlock;
    if (token + kRouterBlock <= args.tokens) {
      all_experts<kRouterBlock>(args, token, first, last);
      continue;
    }
    for (std::int64_t t = token; t < args.tokens; ++t) {
      all_experts<1>(args, t, first, last);
    }
  }
}

template void router_logits<cpu::kTargetIsa>(const RouterLogits&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
