// SPDX-License-Identifier: Apache-2.0
// Softmax attention and its cache on the GPU. A warp takes one query of one head: each lane scores
// one of 32 keys, then the lanes share the dimensions of the values.
#include "base/check.h"
#include "cuda/kernel.cuh"
#include "ops/softmax_attention/softmax_attention_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::blocks_for;
using minimax::cuda::check_launch;
using minimax::cuda::elements;
using minimax::cuda::for_each;
using minimax::cuda::from_float;
using minimax::cuda::kWarp;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;
using minimax::cuda::warp_sum;

constexpr int kMostHeadDim = 256;
constexpr int kWarps = 8;  // of a block
constexpr int kLaneDims = kMostHeadDim / kWarp;

/// Sequences as they lie in the GPU's memory.
struct Sequences {
  const std::int64_t* cu_seqlens;  // [count + 1]
  const KvCacheView* caches;       // [count]
  int count;

  __device__ int of_token(std::int64_t token) const {
    int b = 0;
    while (b + 1 < count && cu_seqlens[b + 1] <= token) {
      ++b;
    }
    return b;
  }
  __device__ std::int64_t position(int sequence, std::int64_t token) const {
    return caches[sequence].length - (cu_seqlens[sequence + 1] - token);
  }
};

// Where the head's keys of token `position` begin, in elements of the page; values follow all keys.
template <class T>
__device__ T* row_of(const KvCacheView& cache, std::int64_t position, std::int64_t head,
                     std::int64_t head_dim) {
  std::byte* page = cache.pages.data()[position / cache.page_tokens - cache.first_page];
  return reinterpret_cast<T*>(page) +
         (head * cache.page_tokens + position % cache.page_tokens) * head_dim;
}

// Caches hold the type of the activations.
template <class X>
void append(const Context& ctx, const KvCacheAppendArgs& args) {
  const X* k = elements<X>(args.k);
  const X* v = elements<X>(args.v);
  const Sequences sequences{args.cu_seqlens.data(), args.caches.data(),
                            static_cast<int>(args.caches.size())};
  const std::int64_t heads = args.k.shape()[1];
  const std::int64_t head_dim = args.k.shape()[2];
  for_each(ctx.cuda->stream(), args.k.elements(), "kv_cache_append",
           [=] __device__(std::int64_t i) {
             const std::int64_t token = i / (heads * head_dim);
             const std::int64_t head = i / head_dim % heads;
             const std::int64_t d = i % head_dim;
             const int b = sequences.of_token(token);
             const std::int64_t position = sequences.position(b, token);
             const KvCacheView& cache = sequences.caches[b];
             row_of<X>(cache, position, head, head_dim)[d] = k[i];
             row_of<X>(cache, position, heads + head, head_dim)[d] = v[i];
           });
}

struct AttentionCall {
  const void* q;  // [T, H, D]
  Sequences sequences;
  std::int64_t tokens;
  int heads;
  int kv_heads;
  int head_dim;
  std::int64_t window;
  void* out;  // [T, H, D]
};

/// The running softmax of one query: a lane holds the dimensions lane, lane + 32, ...
struct Running {
  float most = -INFINITY;
  float sum = 0.0f;
  float values[kLaneDims] = {};
};

template <class Kv>
__device__ void add_keys(const AttentionCall& args, const KvCacheView& cache, const float* q,
                         int kv_head, std::int64_t first, std::int64_t end, Running& running) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t mine = first + lane;
  float score = -INFINITY;
  if (mine < end) {
    const Kv* key = row_of<Kv>(cache, mine, kv_head, args.head_dim);
    score = 0.0f;
    for (int d = 0; d < args.head_dim; ++d) {
      score += q[d] * to_float(key[d]);
    }
    score *= rsqrtf(static_cast<float>(args.head_dim));
  }
  float most = score;
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, offset));
  }
  most = fmaxf(most, running.most);
  const float factor = expf(running.most - most);
  const float weight = mine < end ? expf(score - most) : 0.0f;
  running.most = most;
  running.sum = running.sum * factor + warp_sum(weight);
  for (float& value : running.values) {
    value *= factor;
  }
  const int keys = static_cast<int>(min(static_cast<std::int64_t>(kWarp), end - first));
  for (int i = 0; i < keys; ++i) {
    const float share = __shfl_sync(0xffffffffu, weight, i);
    const Kv* row = row_of<Kv>(cache, first + i, args.kv_heads + kv_head, args.head_dim);
#pragma unroll
    for (int part = 0; part < kLaneDims; ++part) {
      const int d = part * kWarp + lane;
      if (d < args.head_dim) {
        running.values[part] += share * to_float(row[d]);
      }
    }
  }
}

template <class X>
__global__ void __launch_bounds__(kWarps* kWarp) softmax_kernel(AttentionCall args) {
  __shared__ float queries[kWarps][kMostHeadDim];
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + warp;
  if (row >= args.tokens * args.heads) {
    return;
  }
  const std::int64_t token = row / args.heads;
  const int head = static_cast<int>(row % args.heads);
  const int b = args.sequences.of_token(token);
  const KvCacheView& cache = args.sequences.caches[b];
  const std::int64_t end = args.sequences.position(b, token) + 1;
  const std::int64_t begin =
      args.window > 0 ? max(static_cast<std::int64_t>(0), end - args.window) : 0;
  for (int d = lane; d < args.head_dim; d += kWarp) {
    queries[warp][d] = to_float(static_cast<const X*>(args.q)[row * args.head_dim + d]);
  }
  __syncwarp();
  Running running;
  const int kv_head = head / (args.heads / args.kv_heads);
  for (std::int64_t first = begin; first < end; first += kWarp) {
    add_keys<X>(args, cache, queries[warp], kv_head, first, end, running);
  }
  X* out = static_cast<X*>(args.out) + row * args.head_dim;
#pragma unroll
  for (int part = 0; part < kLaneDims; ++part) {
    const int d = part * kWarp + lane;
    if (d < args.head_dim) {
      out[d] = from_float<X>(running.values[part] / running.sum);
    }
  }
}

}  // namespace

void kv_cache_append(const Context& ctx, const KvCacheAppendArgs& args) {
  visit_activations(args.k.dtype(), [&]<class X>() { append<X>(ctx, args); });
}

void softmax_attention(const Context& ctx, const SoftmaxAttentionArgs& args) {
  const tensor::Shape& shape = args.q.shape();
  const AttentionCall call{.q = args.q.bytes_begin(),
                           .sequences = {args.cu_seqlens.data(), args.caches.data(),
                                         static_cast<int>(args.caches.size())},
                           .tokens = shape[0],
                           .heads = static_cast<int>(shape[1]),
                           .kv_heads = static_cast<int>(args.num_key_value_heads),
                           .head_dim = static_cast<int>(shape[2]),
                           .window = args.sliding_window,
                           .out = args.out.bytes_begin()};
  base::check(call.head_dim <= kMostHeadDim, ErrorCode::kUnsupported,
              "softmax_attention: expected a head_dim of at most 256 on a GPU");
  if (call.tokens == 0) {
    return;
  }
  const unsigned blocks = blocks_for(call.tokens * call.heads, kWarps);
  visit_activations(args.q.dtype(), [&]<class X>() {
    softmax_kernel<X><<<blocks, kWarps * kWarp, 0, ctx.cuda->stream()>>>(call);
  });
  check_launch("softmax_attention");
}

}  // namespace minimax::ops::cuda
