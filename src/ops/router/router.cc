// SPDX-License-Identifier: Apache-2.0
#include "ops/router/router.h"

#include "ops/checks.h"
#include "ops/router/router_kernels.h"

namespace minimax::ops {
namespace {

using tensor::DType;

void check_arguments(const RouterArgs& args) {
  const Checks checks("router");
  checks.tensor("x", args.x, DType::kF32, {Checks::kAny, Checks::kAny});
  const std::int64_t tokens = args.x.shape()[0];
  checks.tensor("weight", args.weight, DType::kF32, {Checks::kAny, args.x.shape()[1]});
  const std::int64_t experts = args.weight.shape()[0];
  checks.tensor("logits", args.logits, DType::kF32, {tokens, experts});
  checks.tensor("expert_ids", args.expert_ids, DType::kI32, {tokens, Checks::kAny});
  const std::int64_t top_k = args.expert_ids.shape()[1];
  checks.in_range("experts per token", top_k, 1, experts + 1);
  checks.tensor("expert_weights", args.expert_weights, DType::kF32, {tokens, top_k});
}

}  // namespace

void router(const Context& ctx, const RouterArgs& args) {
  check_arguments(args);
  const std::int64_t tokens = args.x.shape()[0];
  const RouterLogits logits{.x = args.x.data<float>(),
                            .weight = args.weight.data<float>(),
                            .width = args.x.shape()[1],
                            .experts = args.weight.shape()[0],
                            .logits = args.logits.data<float>()};
  const RouterChoice choice{.logits = logits.logits,
                            .experts = logits.experts,
                            .top_k = args.expert_ids.shape()[1],
                            .expert_ids = args.expert_ids.data<std::int32_t>(),
                            .expert_weights = args.expert_weights.data<float>()};
  switch (ctx.device) {
    case Device::kReference:
    case Device::kCpu:
      reference::router_logits(logits, 0, tokens);
      reference::router_choice(choice, 0, tokens);
      return;
  }
}

}  // namespace minimax::ops
