// SPDX-License-Identifier: Apache-2.0
// The arguments of routed_experts as those of the kernel for few tokens.
#include <algorithm>
#include <optional>

#include "ops/grouped_matmul/moe_decode_cuda.h"
#include "ops/routed_experts/routed_experts_kernels.h"
#include "ops/scratch.h"

namespace minimax::ops::cuda {
namespace {

/// Matrices of tiles or plain rows, equally spaced in memory.
struct Stack {
  DeviceLayout layout;
  ExpertMatrices matrices;
};

bool are_streamed(const Context& ctx, const quant::Matrix& weight) {
  return weight.layout() == quant::Layout::kTiles ||
         (weight.format() == quant::Format::kBF16 && ctx.cuda->is_hopper() &&
          quant::has_whole_tiles(weight.shape()[0], weight.shape()[1]));
}

std::optional<Stack> stack_of(const Context& ctx, std::span<const quant::Matrix> experts) {
  const quant::Matrix& first = experts.front();
  if (!are_streamed(ctx, first)) {
    return std::nullopt;
  }
  const std::int64_t stride =
      experts.size() > 1 ? experts[1].bytes_begin() - first.bytes_begin() : 0;
  for (std::size_t i = 0; i < experts.size(); ++i) {
    const std::byte* expected = first.bytes_begin() + static_cast<std::int64_t>(i) * stride;
    if (experts[i].format() != first.format() || experts[i].layout() != first.layout() ||
        experts[i].bytes_begin() != expected) {
      return std::nullopt;
    }
  }
  const tensor::Shape& shape = first.shape();
  return Stack{.layout = {*device_format(first.format()), shape[0], shape[1]},
               .matrices = {first.bytes_begin(), stride}};
}

bool are_few(const RoutedExpertsArgs& args) {
  static_assert(kMoeDecodeMaxTokens == kMostChoosingTokens);
  return args.x.shape()[0] <= kMoeDecodeMaxTokens &&
         args.expert_ids.elements() <= kMoeDecodeMaxPairs &&
         std::ssize(args.gate) <= kMoeDecodeMaxExperts;
}

struct Stacks {
  Stack gate;
  Stack up;
  Stack down;
};

std::optional<Stacks> stacks_of(const Context& ctx, const RoutedExpertsArgs& args) {
  if (args.x.elements() == 0 || args.x.dtype() != tensor::DType::kBF16 || args.gate.empty() ||
      !are_few(args)) {
    return std::nullopt;
  }
  const std::optional<Stack> gate = stack_of(ctx, args.gate);
  const std::optional<Stack> up = stack_of(ctx, args.up);
  const std::optional<Stack> down = stack_of(ctx, args.down);
  if (!gate || !up || !down || gate->layout.format != up->layout.format ||
      gate->matrices.expert_bytes != up->matrices.expert_bytes) {
    return std::nullopt;
  }
  return Stacks{*gate, *up, *down};
}

}  // namespace

bool takes_few_tokens(const Context& ctx, const RoutedExpertsArgs& args) {
  return stacks_of(ctx, args).has_value();
}

void few_tokens_experts(const Context& ctx, const RoutedExpertsArgs& args) {
  const Stacks stacks = *stacks_of(ctx, args);
  const ScratchScope scratch(ctx);
  const int processors = ctx.cuda->multiprocessors();
  const std::int64_t bytes = moe_decode_scratch_bytes(
      args.expert_ids.elements(), stacks.down.layout.rows, stacks.gate.layout.rows, processors);
  moe_decode({.x = args.x.bytes_begin(),
              .expert_ids = args.expert_ids.data<std::int32_t>(),
              .expert_weights = args.expert_weights.data<float>(),
              .tokens = args.x.shape()[0],
              .top_k = args.expert_ids.shape()[1],
              .experts = std::ssize(args.gate),
              .gate_layout = stacks.gate.layout,
              .gate = stacks.gate.matrices,
              .up = stacks.up.matrices,
              .down_layout = stacks.down.layout,
              .down = stacks.down.matrices,
              .out = args.out.bytes_begin(),
              .out_is_float = args.out.dtype() == tensor::DType::kF32,
              .barrier = ctx.cuda->grid_barrier(),
              .scratch = scratch.tensor(tensor::DType::kU8, {bytes}).bytes_begin(),
              .processors = processors},
             ctx.cuda->stream());
}

}  // namespace minimax::ops::cuda
