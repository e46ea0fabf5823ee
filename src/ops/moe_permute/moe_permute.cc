// SPDX-License-Identifier: Apache-2.0
#include "ops/moe_permute/moe_permute.h"

#include <limits>

#include "ops/checks.h"
#include "ops/moe_permute/moe_permute_kernels.h"

namespace minimax::ops {
namespace {

using tensor::DType;

void check_arguments(const Context& ctx, const MoePermuteArgs& args) {
  const Checks checks("moe_permute", ctx);
  checks.tensor("expert_ids", args.expert_ids, DType::kI32, {Checks::kAny, Checks::kAny});
  const std::int64_t pairs = args.expert_ids.elements();
  checks.in_range("number of pairs", pairs, 0, std::numeric_limits<std::int32_t>::max());
  checks.tensor("offsets", args.offsets, DType::kI32, {Checks::kAny});
  checks.in_range("elements of offsets", args.offsets.elements(), 1,
                  std::numeric_limits<std::int32_t>::max());
  checks.tensor("pair_of_row", args.pair_of_row, DType::kI32, {pairs});
  checks.tensor("row_of_pair", args.row_of_pair, DType::kI32, {pairs});
  if (!checks.reads_values()) {
    return;
  }
  const std::int32_t* expert_ids = args.expert_ids.data<std::int32_t>();
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    checks.in_range("expert_ids", expert_ids[pair], 0, args.offsets.elements() - 1);
  }
}

}  // namespace

void moe_permute(const Context& ctx, const MoePermuteArgs& args) {
  check_arguments(ctx, args);
  const MoePermutePairs pairs{.expert_ids = args.expert_ids.data<std::int32_t>(),
                              .pairs = args.expert_ids.elements(),
                              .experts = args.offsets.elements() - 1,
                              .offsets = args.offsets.data<std::int32_t>(),
                              .pair_of_row = args.pair_of_row.data<std::int32_t>(),
                              .row_of_pair = args.row_of_pair.data<std::int32_t>()};
  switch (ctx.device) {
    case Device::kReference:
    case Device::kCpu:  // some thousand integers: cheaper than to wake another thread
      return reference::moe_permute(pairs);
    case Device::kCuda:
      return cuda::moe_permute(ctx, pairs);
  }
}

}  // namespace minimax::ops
