// SPDX-License-Identifier: Apache-2.0
#include "ops/router/router.h"

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/router/router_kernels.h"

namespace minimax::ops {
namespace {

using tensor::DType;

void check_arguments(const Context& ctx, const RouterArgs& args) {
  const Checks checks("router", ctx);
  checks.activations("x", args.x, {Checks::kAny, Checks::kAny});
  const std::int64_t tokens = args.x.shape()[0];
  checks.tensor("weight", args.weight, DType::kF32, {Checks::kAny, args.x.shape()[1]});
  const std::int64_t experts = args.weight.shape()[0];
  checks.tensor("logits", args.logits, DType::kF32, {tokens, experts});
  checks.tensor("expert_ids", args.expert_ids, DType::kI32, {tokens, Checks::kAny});
  const std::int64_t top_k = args.expert_ids.shape()[1];
  checks.in_range("experts per token", top_k, 1, experts + 1);
  checks.tensor("expert_weights", args.expert_weights, DType::kF32, {tokens, top_k});
}

RouterLogits logits_of(const RouterArgs& args) {
  return {.x = args.x.data<float>(),
          .weight = args.weight.data<float>(),
          .tokens = args.x.shape()[0],
          .width = args.x.shape()[1],
          .experts = args.weight.shape()[0],
          .logits = args.logits.data<float>()};
}

RouterChoice choice_of(const RouterArgs& args) {
  return {.logits = args.logits.data<float>(),
          .experts = args.weight.shape()[0],
          .top_k = args.expert_ids.shape()[1],
          .expert_ids = args.expert_ids.data<std::int32_t>(),
          .expert_weights = args.expert_weights.data<float>()};
}

void run_cpu_logits(const Context& ctx, const RouterLogits& args) {
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::router_logits<isa>; });
  const std::int64_t block = kernels::kRouterBlock;
  const std::int64_t blocks =
      ((args.tokens + block - 1) / block) * ((args.experts + block - 1) / block);
  parallel_rows(ctx, blocks, block * args.width, kernel, args);
}

}  // namespace

void router(const Context& ctx, const RouterArgs& args) {
  check_arguments(ctx, args);
  const std::int64_t tokens = args.x.shape()[0];
  switch (ctx.device) {
    case Device::kReference:
      reference::router_logits(logits_of(args), 0, tokens);
      return reference::router_choice(choice_of(args), 0, tokens);
    case Device::kCpu: {
      run_cpu_logits(ctx, logits_of(args));
      // Of the same logits the reference's choice is as good as any, and cheap.
      const RouterChoice choice = choice_of(args);
      return parallel_rows(ctx, tokens, choice.experts * choice.top_k * 8,
                           &reference::router_choice, choice);
    }
    case Device::kCuda:
      return cuda::router(ctx, args);
  }
}

}  // namespace minimax::ops
