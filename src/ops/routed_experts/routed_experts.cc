// SPDX-License-Identifier: Apache-2.0
#include "ops/routed_experts/routed_experts.h"

#include <algorithm>

#include "ops/grouped_matmul/grouped_matmul.h"
#include "ops/grouped_matmul/moe_decode_cuda.h"
#include "ops/moe_combine/moe_combine.h"
#include "ops/moe_permute/moe_permute.h"
#include "ops/routed_experts/routed_experts_kernels.h"

namespace minimax::ops {
namespace {

constexpr std::int64_t kMostProcessors = 256;  // of any GPU

}  // namespace

bool reads_chosen_experts(const Context& ctx, const RoutedExpertsArgs& args) {
  return ctx.device == Device::kCuda && !args.keeps_parts && cuda::takes_few_tokens(ctx, args);
}

void routed_experts(const Context& ctx, const RoutedExpertsArgs& args) {
  if (reads_chosen_experts(ctx, args)) {
    return cuda::few_tokens_experts(ctx, args);
  }
  moe_permute(ctx, {.expert_ids = args.expert_ids,
                    .offsets = args.offsets,
                    .pair_of_row = args.pair_of_row,
                    .row_of_pair = args.row_of_pair});
  grouped_gated_matmul(ctx, {.x = args.x,
                             .gate = args.gate,
                             .up = args.up,
                             .offsets = args.offsets,
                             .pair_of_row = args.pair_of_row,
                             .top_k = args.expert_ids.shape()[1],
                             .precision = args.precision,
                             .out = args.inner});
  grouped_matmul(ctx, {.x = args.inner,
                       .weight = args.down,
                       .offsets = args.offsets,
                       .precision = args.precision,
                       .out = args.rows});
  moe_combine(ctx, {.rows = args.rows,
                    .row_of_pair = args.row_of_pair,
                    .expert_weights = args.expert_weights,
                    .out = args.out});
}

std::int64_t routed_experts_scratch_bytes(std::int64_t hidden, std::int64_t inner) {
  const std::int64_t decoded = tensor::Arena::footprint(tensor::DType::kBF16, {inner, hidden});
  return std::max(2 * decoded, tensor::Arena::footprint(cuda::moe_decode_scratch_bytes(
                                   cuda::kMoeDecodeMaxPairs, hidden, inner, kMostProcessors)));
}

}  // namespace minimax::ops
