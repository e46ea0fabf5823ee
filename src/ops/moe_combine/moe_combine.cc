// SPDX-License-Identifier: Apache-2.0
#include "ops/moe_combine/moe_combine.h"

#include "ops/checks.h"
#include "ops/moe_combine/moe_combine_kernels.h"
#include "ops/parallel.h"

namespace minimax::ops {
namespace {

using tensor::DType;

void check_arguments(const Context& ctx, const MoeCombineArgs& args) {
  const Checks checks("moe_combine", ctx);
  checks.activations("rows", args.rows, {Checks::kAny, Checks::kAny});
  checks.tensor("expert_weights", args.expert_weights, DType::kF32, {Checks::kAny, Checks::kAny});
  const std::int64_t pairs = args.expert_weights.elements();
  checks.tensor("row_of_pair", args.row_of_pair, DType::kI32, {pairs});
  checks.activations("out", args.out, {args.expert_weights.shape()[0], args.rows.shape()[1]});
  checks.disjoint("out", args.out, "rows", args.rows);
  if (!checks.reads_values()) {
    return;
  }
  const std::int32_t* row_of_pair = args.row_of_pair.data<std::int32_t>();
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    checks.in_range("row_of_pair", row_of_pair[pair], 0, args.rows.shape()[0]);
  }
}

}  // namespace

void moe_combine(const Context& ctx, const MoeCombineArgs& args) {
  check_arguments(ctx, args);
  const std::int64_t tokens = args.out.shape()[0];
  const auto combine = [&] {
    return MoeCombineRows{.rows = args.rows.data<float>(),
                          .row_of_pair = args.row_of_pair.data<std::int32_t>(),
                          .expert_weights = args.expert_weights.data<float>(),
                          .top_k = args.expert_weights.shape()[1],
                          .width = args.rows.shape()[1],
                          .out = args.out.data<float>()};
  };
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::moe_combine<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::moe_combine(combine(), 0, tokens);
    case Device::kCpu:
      return parallel_rows(ctx, tokens, combine().top_k * combine().width, kernel, combine());
    case Device::kCuda:
      return cuda::moe_combine(ctx, args);
  }
}

}  // namespace minimax::ops
