// SPDX-License-Identifier: Apache-2.0
#include "ops/lightning_attention/lightning_attention.h"

#include <fmt/format.h>

#include "ops/checks.h"
#include "ops/lightning_attention/lightning_attention_kernels.h"

namespace minimax::ops {
namespace {

using tensor::DType;

void check_arguments(const LightningAttentionArgs& args) {
  const Checks checks("lightning_attention");
  checks.tensor("qkv", args.qkv, DType::kF32, {Checks::kAny, Checks::kAny, 3, Checks::kAny});
  const tensor::Shape& shape = args.qkv.shape();
  checks.tensor("out", args.out, DType::kF32, {shape[0], shape[1], shape[3]});
  checks.disjoint("out", args.out, "qkv", args.qkv);
  checks.equal("elements of decay", static_cast<std::int64_t>(args.decay.size()), shape[1]);
  const std::int64_t sequences = checks.sequences(args.cu_seqlens, shape[0]);
  checks.equal("number of states", static_cast<std::int64_t>(args.states.size()), sequences);
  checks.that(args.block_size >= 1, [&] {
    return fmt::format("block_size: expected at least 1, found {}", args.block_size);
  });
  for (const float decay : args.decay) {
    checks.that(decay >= 0.0f,
                [&] { return fmt::format("decay: expected at least 0, found {}", decay); });
  }
}

// Head `head` of sequence `sequence`.
LightningHead head_of(const LightningAttentionArgs& args, std::size_t sequence, std::int64_t head) {
  const std::int64_t heads = args.qkv.shape()[1];
  const std::int64_t dim = args.qkv.shape()[3];
  const std::int64_t first = args.cu_seqlens[sequence];
  return {.qkv = args.qkv.data<float>() + (first * heads + head) * 3 * dim,
          .qkv_stride = heads * 3 * dim,
          .tokens = args.cu_seqlens[sequence + 1] - first,
          .head_dim = dim,
          .decay = args.decay[static_cast<std::size_t>(head)],
          .state = args.states[sequence] + head * dim * dim,
          .out = args.out.data<float>() + (first * heads + head) * dim,
          .out_stride = heads * dim};
}

void run_reference(const LightningAttentionArgs& args) {
  for (std::size_t sequence = 0; sequence < args.states.size(); ++sequence) {
    for (std::int64_t head = 0; head < args.qkv.shape()[1]; ++head) {
      reference::lightning_attention(head_of(args, sequence, head));
    }
  }
}

}  // namespace

void lightning_attention(const Context& ctx, const LightningAttentionArgs& args) {
  check_arguments(args);
  switch (ctx.device) {
    case Device::kReference:
    case Device::kCpu:
      return run_reference(args);
  }
}

std::int64_t lightning_attention_scratch_bytes(int, std::int64_t, std::int64_t) { return 0; }

}  // namespace minimax::ops
