// SPDX-License-Identifier: Apache-2.0
#include "ops/softmax_attention/softmax_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/softmax_attention/softmax_arguments.h"
#include "ops/softmax_attention/softmax_attention_kernels.h"
#include "ops/softmax_attention/softmax_parts.h"

namespace minimax::ops {
namespace {

using tensor::DType;

// `window` is the number of keys that a query sees, or 0 for all.
void check_cache(const Checks& checks, const KvCacheView& cache, std::int64_t new_tokens,
                 std::int64_t window) {
  const bool is_known =
      cache.dtype == DType::kF32 || cache.dtype == DType::kBF16 || is_quantized(cache.dtype);
  checks.that(is_known, [&] {
    return fmt::format("cache: expected F32, BF16, F8_E4M3 or U8 (int4), found {}",
                       tensor::dtype_name(cache.dtype));
  });
  checks.that(cache.page_tokens >= 1, [&] {
    return fmt::format("cache: expected pages of at least 1 token, found {}", cache.page_tokens);
  });
  const std::int64_t missing = cache.first_page * cache.page_tokens;
  const std::int64_t capacity =
      missing + static_cast<std::int64_t>(cache.pages.size()) * cache.page_tokens;
  checks.that(new_tokens <= cache.length && cache.length <= capacity, [&] {
    return fmt::format("cache: expected a length from {} (new tokens) to {} (pages), found {}",
                       new_tokens, capacity, cache.length);
  });
  const std::int64_t first_query = cache.length - new_tokens;
  const std::int64_t first_key =
      window > 0 ? std::max<std::int64_t>(0, first_query + 1 - window) : 0;
  checks.that(new_tokens == 0 || (0 <= missing && missing <= first_key), [&] {
    return fmt::format("cache: expected the keys from position {} on, found them from {} on",
                       first_key, missing);
  });
}

void check_caches(const Checks& checks, std::span<const std::int64_t> cu_seqlens,
                  std::int64_t tokens, std::span<const KvCacheView> caches, std::int64_t window) {
  const std::int64_t sequences = checks.sequences(cu_seqlens, tokens);
  checks.equal("number of caches", static_cast<std::int64_t>(caches.size()), sequences);
  if (!checks.reads_values()) {
    return;
  }
  for (std::size_t b = 0; b < caches.size(); ++b) {
    check_cache(checks, caches[b], cu_seqlens[b + 1] - cu_seqlens[b], window);
  }
}

void check_arguments(const Context& ctx, const KvCacheAppendArgs& args) {
  const Checks checks("kv_cache_append", ctx);
  checks.activations("k", args.k, {Checks::kAny, Checks::kAny, Checks::kAny});
  const tensor::Shape& shape = args.k.shape();
  checks.activations("v", args.v, {shape[0], shape[1], shape[2]});
  constexpr std::int64_t kOnlyItself = 1;
  check_caches(checks, args.cu_seqlens, shape[0], args.caches, kOnlyItself);
}

KvPages pages_of(const KvCacheView& cache, std::int64_t kv_heads, std::int64_t head_dim) {
  return {.pages = cache.pages.data(),
          .first_page = cache.first_page,
          .page_tokens = cache.page_tokens,
          .kv_heads = kv_heads,
          .head_dim = head_dim,
          .dtype = cache.dtype};
}

KvAppend append_of(const KvCacheAppendArgs& args, std::size_t sequence) {
  const tensor::Shape& shape = args.k.shape();
  const std::int64_t first = args.cu_seqlens[sequence];
  const std::int64_t tokens = args.cu_seqlens[sequence + 1] - first;
  return {.k = args.k.data<float>() + first * shape[1] * shape[2],
          .v = args.v.data<float>() + first * shape[1] * shape[2],
          .begin = args.caches[sequence].length - tokens,
          .tokens = tokens,
          .cache = pages_of(args.caches[sequence], shape[1], shape[2])};
}

void append_on_cpu(const Context& ctx, const KvCacheAppendArgs& args) {
  const auto kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::kv_cache_append<isa>; });
  const std::int64_t token_elements = 2 * args.k.shape()[1] * args.k.shape()[2];
  for (std::size_t b = 0; b < args.caches.size(); ++b) {
    const KvAppend append = append_of(args, b);
    parallel_rows(ctx, append.tokens, token_elements, kernel, append);
  }
}

std::vector<SoftmaxSequence> sequences_of(const SoftmaxAttentionArgs& args) {
  std::vector<SoftmaxSequence> sequences;
  for (std::size_t b = 0; b < args.caches.size(); ++b) {
    sequences.push_back(sequence_of(args, b));
  }
  return sequences;
}

}  // namespace

void check_arguments(const Checks& checks, const SoftmaxAttentionArgs& args) {
  checks.activations("q", args.q, {Checks::kAny, Checks::kAny, Checks::kAny});
  const tensor::Shape& shape = args.q.shape();
  checks.activations("out", args.out, {shape[0], shape[1], shape[2]});
  checks.disjoint("out", args.out, "q", args.q);
  checks.that(args.num_key_value_heads >= 1 && shape[1] % args.num_key_value_heads == 0, [&] {
    return fmt::format("num_key_value_heads: expected a divisor of {}, found {}", shape[1],
                       args.num_key_value_heads);
  });
  checks.that(args.sliding_window >= 0, [&] {
    return fmt::format("sliding_window: expected at least 0, found {}", args.sliding_window);
  });
  check_caches(checks, args.cu_seqlens, shape[0], args.caches, args.sliding_window);
}

SoftmaxSequence sequence_of(const SoftmaxAttentionArgs& args, std::size_t sequence) {
  const tensor::Shape& shape = args.q.shape();
  const std::int64_t first = args.cu_seqlens[sequence];
  const std::int64_t tokens = args.cu_seqlens[sequence + 1] - first;
  return {.q = args.q.data<float>() + first * shape[1] * shape[2],
          .tokens = tokens,
          .heads = shape[1],
          .begin = args.caches[sequence].length - tokens,
          .sliding_window = args.sliding_window,
          .cache = pages_of(args.caches[sequence], args.num_key_value_heads, shape[2]),
          .out = args.out.data<float>() + first * shape[1] * shape[2]};
}

void kv_cache_append(const Context& ctx, const KvCacheAppendArgs& args) {
  check_arguments(ctx, args);
  switch (ctx.device) {
    case Device::kReference:
      for (std::size_t b = 0; b < args.caches.size(); ++b) {
        reference::kv_cache_append(append_of(args, b));
      }
      return;
    case Device::kCpu:
      return append_on_cpu(ctx, args);
    case Device::kCuda:
      return cuda::kv_cache_append(ctx, args);
  }
}

void softmax_attention(const Context& ctx, const SoftmaxAttentionArgs& args) {
  check_arguments(Checks("softmax_attention", ctx), args);
  switch (ctx.device) {
    case Device::kReference:
      for (const SoftmaxSequence& sequence : sequences_of(args)) {
        reference::softmax_attention(sequence);
      }
      return;
    case Device::kCpu:
      return softmax_on_cpu(ctx, sequences_of(args));
    case Device::kCuda:
      return cuda::softmax_attention(ctx, args);
  }
}

}  // namespace minimax::ops
