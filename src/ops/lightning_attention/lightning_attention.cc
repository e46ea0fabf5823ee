// SPDX-License-Identifier: Apache-2.0
#include "ops/lightning_attention/lightning_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ops/checks.h"
#include "ops/lightning_attention/lightning_attention_kernels.h"
#include "ops/parallel.h"
#include "ops/scratch.h"

namespace minimax::ops {
namespace {

void check_arguments(const Context& ctx, const LightningAttentionArgs& args) {
  const Checks checks("lightning_attention", ctx);
  checks.activations("qkv", args.qkv, {Checks::kAny, Checks::kAny, 3, Checks::kAny});
  const tensor::Shape& shape = args.qkv.shape();
  checks.activations("out", args.out, {shape[0], shape[1], shape[3]});
  checks.disjoint("out", args.out, "qkv", args.qkv);
  checks.equal("elements of decay", static_cast<std::int64_t>(args.decay.size()), shape[1]);
  const std::int64_t sequences = checks.sequences(args.cu_seqlens, shape[0]);
  checks.equal("number of states", static_cast<std::int64_t>(args.states.size()), sequences);
  checks.that(args.block_size >= 1, [&] {
    return fmt::format("block_size: expected at least 1, found {}", args.block_size);
  });
  if (!checks.reads_values()) {
    return;
  }
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

// The floats that one thread takes: the kernel's, then two tables of powers.
constexpr std::int64_t kPowers = kernels::kLightningBlock + 16;
std::int64_t thread_floats(std::int64_t head_dim) {
  return kernels::lightning_scratch_floats(head_dim) + 2 * kPowers;
}

// exp(-decay n) for n = 0 .. count as a float32 and what its rounding left.
void fill_powers(float decay, std::int64_t count, float* powers, float* powers_low) {
  for (std::int64_t n = 0; n <= count; ++n) {
    const double power = std::exp(-static_cast<double>(decay) * static_cast<double>(n));
    powers[n] = static_cast<float>(power);
    powers_low[n] = static_cast<float>(power - powers[n]);
  }
}

void run_cpu(const Context& ctx, const LightningAttentionArgs& args) {
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::lightning_attention<isa>; });
  const std::int64_t heads = args.qkv.shape()[1];
  const std::int64_t block = std::min(args.block_size, kernels::kLightningBlock);
  const std::int64_t floats = thread_floats(args.qkv.shape()[3]);
  ScratchScope scope(ctx);
  float* scratch = scope.floats(pool_of(ctx).threads() * floats);
  const auto run = [&](std::int64_t begin, std::int64_t end, int thread) {
    float* powers = scratch + thread * floats;
    float* powers_low = powers + kPowers;
    for (std::int64_t task = begin; task < end; ++task) {
      const LightningHead head =
          head_of(args, static_cast<std::size_t>(task / heads), task % heads);
      fill_powers(head.decay, std::min(block, head.tokens), powers, powers_low);
      kernel(head, {.block = block,
                    .powers = powers,
                    .powers_low = powers_low,
                    .scratch = powers_low + kPowers});
    }
  };
  const auto tasks = static_cast<std::int64_t>(args.states.size()) * heads;
  const std::int64_t states = tasks * args.qkv.shape()[3] * args.qkv.shape()[3];
  parallel_tasks(ctx, tasks, states + args.qkv.elements(), run);
}

}  // namespace

std::int64_t kernels::lightning_scratch_floats(std::int64_t head_dim) {
  const std::int64_t width = (head_dim + 15) / 16 * 16;
  const std::int64_t rows = 3 * kLightningBlock * width;
  const std::int64_t scores = kLightningBlock * kLightningBlock + 2 * kLightningBlock;
  return rows + scores + width * width;
}

void lightning_attention(const Context& ctx, const LightningAttentionArgs& args) {
  check_arguments(ctx, args);
  switch (ctx.device) {
    case Device::kReference:
      return run_reference(args);
    case Device::kCpu:
      return run_cpu(ctx, args);
    case Device::kCuda:
      return cuda::lightning_attention(ctx, args);
  }
}

std::int64_t lightning_attention_scratch_bytes(int threads, std::int64_t head_dim) {
  return threads * thread_floats(head_dim) * static_cast<std::int64_t>(sizeof(float)) +
         tensor::Buffer::kAlignment;
}

}  // namespace minimax::ops
