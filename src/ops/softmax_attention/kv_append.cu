// SPDX-License-Identifier: Apache-2.0
// Writes keys and values to their caches: a warp a row.
#include "cuda/kernel.cuh"
#include "ops/softmax_attention/sequences.cuh"
#include "ops/softmax_attention/softmax_attention_cuda.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::from_float;
using minimax::cuda::kWarp;
using minimax::cuda::to_float;

constexpr int kWarps = 8;  // of a block

template <class X, class Kv>
__device__ void copy_row(const X* from, Kv* to, int head_dim) {
  for (int d = static_cast<int>(threadIdx.x) % kWarp; d < head_dim; d += kWarp) {
    to[d] = from_float<Kv>(to_float(from[d]));
  }
}

// Rows are [T, 2, KVH]: keys, then values.
template <class X>
__global__ void __launch_bounds__(kWarps* kWarp) append_kernel(KvAppendCudaArgs args) {
  const std::int64_t row =
      static_cast<std::int64_t>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t token = row / (2 * args.kv_heads);
  const std::int64_t page_head = row % (2 * args.kv_heads);
  const Sequences sequences{args.cu_seqlens, args.caches, static_cast<int>(args.batch)};
  if (token >= sequences.tokens()) {
    return;
  }
  const bool is_value = page_head >= args.kv_heads;
  const auto* from =
      static_cast<const X*>(is_value ? args.v : args.k) +
      (token * args.kv_heads + (is_value ? page_head - args.kv_heads : page_head)) * args.head_dim;
  const int b = sequences.of_token(token);
  const std::int64_t position = sequences.position(b, token);
  const KvCacheView& cache = args.caches[b];
  const auto dim = static_cast<int>(args.head_dim);
  if (cache.dtype == tensor::DType::kBF16) {
    copy_row(from, row_of<__nv_bfloat16>(cache, position, page_head, dim), dim);
  } else {
    copy_row(from, row_of<float>(cache, position, page_head, dim), dim);
  }
}

}  // namespace

void kv_append(const KvAppendCudaArgs& args, minimax::cuda::Stream stream) {
  const std::int64_t rows = args.tokens * 2 * args.kv_heads;
  if (rows == 0 || args.batch == 0) {
    return;
  }
  minimax::cuda::visit_activations(args.dtype, [&]<class X>() {
    append_kernel<X><<<minimax::cuda::blocks_for(rows, kWarps), kWarps * kWarp, 0, stream>>>(args);
  });
  minimax::cuda::check_launch("kv_cache_append");
}

}  // namespace minimax::ops::cuda
