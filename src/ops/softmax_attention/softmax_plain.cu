// SPDX-License-Identifier: Apache-2.0
// Softmax attention on any GPU, for heads of any size up to 256. A warp takes one query of one
// head: each lane scores one of 32 keys, then the lanes share the dimensions of the values.
#include "cuda/kernel.cuh"
#include "ops/softmax_attention/sequences.cuh"
#include "ops/softmax_attention/softmax_attention_cuda.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::blocks_for;
using minimax::cuda::check_launch;
using minimax::cuda::from_float;
using minimax::cuda::kWarp;
using minimax::cuda::to_float;
using minimax::cuda::warp_sum;

constexpr int kWarps = 8;  // of a block
constexpr int kLaneDims = kMostHeadDim / kWarp;

/// The running softmax of one query: a lane holds the dimensions lane, lane + 32, ...
struct Running {
  float most = -INFINITY;
  float sum = 0.0f;
  float values[kLaneDims] = {};
};

// A row of a cache of F32 or BF16.
template <class T>
struct PlainRow {
  const T* numbers;
  __device__ PlainRow(const SoftmaxCudaArgs& args, const KvCacheView& cache, std::int64_t position,
                      std::int64_t page_head)
      : numbers(row_of<T>(cache, position, page_head, args.head_dim)) {}
  __device__ float operator[](int d) const { return to_float(numbers[d]); }
};

struct Fp8Row {
  KvRow row;
  float scale;
  __device__ Fp8Row(const SoftmaxCudaArgs& args, const KvCacheView& cache, std::int64_t position,
                    std::int64_t page_head)
      : row(quantized_row(cache, position, page_head, args.kv_heads, args.head_dim)),
        scale(*reinterpret_cast<const float*>(row.scales)) {}
  __device__ float operator[](int d) const {
    return from_e4m3(static_cast<std::uint8_t>(row.codes[d])) * scale;
  }
};

struct Int4Row {
  KvRow row;
  __device__ Int4Row(const SoftmaxCudaArgs& args, const KvCacheView& cache, std::int64_t position,
                     std::int64_t page_head)
      : row(quantized_row(cache, position, page_head, args.kv_heads, args.head_dim)) {}
  __device__ float operator[](int d) const {
    const auto scale = reinterpret_cast<const tensor::BFloat16*>(row.scales)[d / kInt4Group];
    const int code = static_cast<int>(row.codes[d / 2]) >> (d % 2 * 4) & 15;
    return static_cast<float>(code - 8) * tensor::to_float(scale);
  }
};

template <class Row>
__device__ void add_keys(const SoftmaxCudaArgs& args, const KvCacheView& cache, const float* q,
                         int kv_head, std::int64_t first, std::int64_t end, Running& running) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t mine = first + lane;
  float score = -INFINITY;
  if (mine < end) {
    const Row key(args, cache, mine, kv_head);
    score = 0.0f;
    for (int d = 0; d < args.head_dim; ++d) {
      score += q[d] * key[d];
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
    const Row row(args, cache, first + i, args.kv_heads + kv_head);
#pragma unroll
    for (int part = 0; part < kLaneDims; ++part) {
      const int d = part * kWarp + lane;
      if (d < args.head_dim) {
        running.values[part] += share * row[d];
      }
    }
  }
}

__device__ void add_keys_of(const SoftmaxCudaArgs& args, const KvCacheView& cache, const float* q,
                            int kv_head, std::int64_t first, std::int64_t end, Running& running) {
  switch (cache.dtype) {
    case tensor::DType::kF32:
      return add_keys<PlainRow<float>>(args, cache, q, kv_head, first, end, running);
    case tensor::DType::kBF16:
      return add_keys<PlainRow<__nv_bfloat16>>(args, cache, q, kv_head, first, end, running);
    case tensor::DType::kF8E4M3:
      return add_keys<Fp8Row>(args, cache, q, kv_head, first, end, running);
    default:
      return add_keys<Int4Row>(args, cache, q, kv_head, first, end, running);
  }
}

template <class X>
__global__ void __launch_bounds__(kWarps* kWarp) softmax_kernel(SoftmaxCudaArgs args) {
  __shared__ float queries[kWarps][kMostHeadDim];
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + warp;
  if (row >= args.tokens * args.heads) {
    return;
  }
  const std::int64_t token = row / args.heads;
  const int head = static_cast<int>(row % args.heads);
  const Sequences sequences{args.cu_seqlens, args.caches, static_cast<int>(args.batch)};
  if (token >= sequences.tokens()) {
    return;
  }
  const int b = sequences.of_token(token);
  const KvCacheView& cache = args.caches[b];
  const std::int64_t end = sequences.position(b, token) + 1;
  const std::int64_t begin =
      args.sliding_window > 0 ? max(static_cast<std::int64_t>(0), end - args.sliding_window) : 0;
  for (int d = lane; d < args.head_dim; d += kWarp) {
    queries[warp][d] = to_float(static_cast<const X*>(args.q)[row * args.head_dim + d]);
  }
  __syncwarp();
  Running running;
  const auto kv_head = static_cast<int>(head / (args.heads / args.kv_heads));
  for (std::int64_t first = begin; first < end; first += kWarp) {
    add_keys_of(args, cache, queries[warp], kv_head, first, end, running);
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

void softmax_plain(const SoftmaxCudaArgs& args, minimax::cuda::Stream stream) {
  const unsigned blocks = blocks_for(args.tokens * args.heads, kWarps);
  minimax::cuda::visit_activations(args.dtype, [&]<class X>() {
    softmax_kernel<X><<<blocks, kWarps * kWarp, 0, stream>>>(args);
  });
  check_launch("softmax_attention");
}

}  // namespace minimax::ops::cuda
