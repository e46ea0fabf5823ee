// SPDX-License-Identifier: Apache-2.0
#include "ops/eager_attention/eager_attention.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "ops/checks.h"
#include "ops/eager_attention/eager_attention_kernels.h"
#include "ops/parallel.h"
#include "ops/softmax_attention/softmax_arguments.h"

namespace minimax::ops {
namespace {

void check_arguments(const Context& ctx, const EagerAttentionArgs& args) {
  const Checks checks("eager_attention", ctx);
  checks.that(checks.reads_values(),
              [] { return "is not on the GPU yet: expected the cpu or the reference"; });
  check_arguments(checks, args.attention);
  for (const KvCacheView& cache : args.attention.caches) {
    checks.that(!is_quantized(cache.dtype), [] {
      return "cache: expected F32 or BF16: weights are not computed from quantized keys";
    });
  }
  const std::int64_t sequences = std::ssize(args.attention.caches);
  checks.equal("number of weights", std::ssize(args.weights), sequences);
  for (std::size_t b = 0; b < args.weights.size(); ++b) {
    const std::int64_t tokens = args.attention.cu_seqlens[b + 1] - args.attention.cu_seqlens[b];
    checks.tensor("weights", args.weights[b], tensor::DType::kF32,
                  {args.attention.q.shape()[1], tokens, args.attention.caches[b].length});
  }
  const AttentionDropout& dropout = args.dropout;
  checks.that(0.0 <= dropout.probability && dropout.probability <= 1.0, [&] {
    return fmt::format("dropout: expected a probability from 0 to 1, found {}",
                       dropout.probability);
  });
  if (!dropout.rows.empty()) {
    checks.equal("number of rows", std::ssize(dropout.rows), sequences);
  }
}

EagerSequence eager_sequence(const EagerAttentionArgs& args, std::size_t b) {
  const AttentionDropout& dropout = args.dropout;
  return {.sequence = sequence_of(args.attention, b),
          .dropout = {.probability = dropout.probability,
                      .seed = dropout.seed,
                      .layer = dropout.layer,
                      .row = dropout.rows.empty() ? static_cast<std::int64_t>(b) : dropout.rows[b]},
          .weights = args.weights[b].data<float>()};
}

void run_on_cpu(const Context& ctx, const EagerSequence& args) {
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::eager_attention<isa>; });
  const SoftmaxSequence& s = args.sequence;
  parallel_rows(ctx, s.heads * s.tokens, 2 * (s.begin + s.tokens) * s.cache.head_dim, kernel, args);
}

void run(const Context& ctx, const EagerSequence& args) {
  switch (ctx.device) {
    case Device::kReference:
      return reference::eager_attention(args);
    case Device::kCpu:
      return run_on_cpu(ctx, args);
    case Device::kCuda:
      return;  // refused above
  }
}

}  // namespace

EagerRow eager_row(const EagerSequence& args, std::int64_t row) {
  const SoftmaxSequence& s = args.sequence;
  const std::int64_t head = row / s.tokens;
  const std::int64_t token = row % s.tokens;
  const std::int64_t position = s.begin + token;
  const std::int64_t offset = (token * s.heads + head) * s.cache.head_dim;
  return {.head = head,
          .position = position,
          .first =
              s.sliding_window > 0 ? std::max<std::int64_t>(0, position + 1 - s.sliding_window) : 0,
          .end = position + 1,
          .q = s.q + offset,
          .weights = args.weights + row * (s.begin + s.tokens),
          .out = s.out + offset};
}

void drop_weights(const SequenceDropout& dropout, const EagerRow& row) {
  if (dropout.probability == 0.0) {
    return;
  }
  const auto scale = static_cast<float>(1.0 / (1.0 - dropout.probability));
  for (std::int64_t key = row.first; key < row.end; ++key) {
    const bool kept = base::uniform_at(dropout.seed, {dropout.layer, dropout.row, row.head,
                                                      row.position, key}) >= dropout.probability;
    row.weights[key] = kept ? row.weights[key] * scale : 0.0f;
  }
}

void eager_attention(const Context& ctx, const EagerAttentionArgs& args) {
  check_arguments(ctx, args);
  for (std::size_t b = 0; b < args.weights.size(); ++b) {
    run(ctx, eager_sequence(args, b));
  }
}

}  // namespace minimax::ops
