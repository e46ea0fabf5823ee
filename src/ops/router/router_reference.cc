// SPDX-License-Identifier: Apache-2.0
// The router in plain loops.
#include <cmath>

#include "ops/router/router_kernels.h"

namespace minimax::ops::reference {
namespace {

bool contains(const std::int32_t* ids, std::int64_t count, std::int64_t id) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (ids[i] == id) {
      return true;
    }
  }
  return false;
}

// The expert of the largest logit outside of `taken`, the lowest of equals. A NaN never wins
// against a number, and the result is an expert in any case.
std::int32_t next_expert(const float* logits, std::int64_t experts, const std::int32_t* taken,
                         std::int64_t taken_count) {
  std::int64_t best = -1;
  for (std::int64_t e = 0; e < experts; ++e) {
    const bool better = best < 0 || logits[e] > logits[best] ||
                        (std::isnan(logits[best]) && !std::isnan(logits[e]));
    if (better && !contains(taken, taken_count, e)) {
      best = e;
    }
  }
  return static_cast<std::int32_t>(best);
}

}  // namespace

void router_logits(const RouterLogits& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    for (std::int64_t e = 0; e < args.experts; ++e) {
      double sum = 0.0;
      for (std::int64_t i = 0; i < args.width; ++i) {
        sum += static_cast<double>(args.x[t * args.width + i]) * args.weight[e * args.width + i];
      }
      args.logits[t * args.experts + e] = static_cast<float>(sum);
    }
  }
}

void router_choice(const RouterChoice& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    const float* logits = args.logits + t * args.experts;
    std::int32_t* ids = args.expert_ids + t * args.top_k;
    float* weights = args.expert_weights + t * args.top_k;
    double sum = 0.0;
    for (std::int64_t slot = 0; slot < args.top_k; ++slot) {
      ids[slot] = next_expert(logits, args.experts, ids, slot);
      // The softmax over all experts cancels in the renormalisation: what is left is the softmax
      // over the chosen ones.
      sum += std::exp(static_cast<double>(logits[ids[slot]]) - logits[ids[0]]);
    }
    for (std::int64_t slot = 0; slot < args.top_k; ++slot) {
      const double weight = std::exp(static_cast<double>(logits[ids[slot]]) - logits[ids[0]]) / sum;
      weights[slot] = static_cast<float>(weight);
    }
  }
}

}  // namespace minimax::ops::reference
