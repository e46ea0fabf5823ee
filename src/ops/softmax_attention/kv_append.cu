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

__device__ inline std::uint32_t warp_most(std::uint32_t value) {
  return __reduce_max_sync(0xffffffffu, value);
}

template <class X>
__device__ void encode_fp8_row(const X* from, const KvRow& row, int head_dim) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  std::uint32_t most = 0;
  for (int d = lane; d < head_dim; d += kWarp) {
    most = max(most, magnitude_bits(to_float(from[d])));
  }
  most = warp_most(most);
  const float inverse = fp8_inverse(most);
  for (int d = lane; d < head_dim; d += kWarp) {
    const std::uint8_t code = inverse == 0.0f ? 0 : to_e4m3(to_float(from[d]) * inverse);
    row.codes[d] = static_cast<std::byte>(code);
  }
  if (lane == 0) {
    *reinterpret_cast<float*>(row.scales) = fp8_scale(most);
  }
}

// A lane has one number of each group.
template <class X>
__device__ void encode_int4_row(const X* from, const KvRow& row, int head_dim) {
  static_assert(kInt4Group == kWarp);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (int begin = 0; begin < head_dim; begin += kWarp) {
    const float x = begin + lane < head_dim ? to_float(from[begin + lane]) : 0.0f;
    const std::uint32_t most = warp_most(magnitude_bits(x));
    const unsigned who = __ballot_sync(0xffffffffu, magnitude_bits(x) == most);
    const tensor::BFloat16 scale = int4_scale(__shfl_sync(0xffffffffu, x, __ffs(who) - 1));
    const float inverse = int4_inverse(scale);
    const unsigned code = inverse == 0.0f ? 8u : to_int4(x, inverse);
    const unsigned next = __shfl_down_sync(0xffffffffu, code, 1);
    if (lane % 2 == 0 && begin + lane < head_dim) {
      const unsigned high = begin + lane + 1 < head_dim ? next : 0u;
      row.codes[(begin + lane) / 2] = static_cast<std::byte>(code | high << 4);
    }
    if (lane == 0) {
      reinterpret_cast<tensor::BFloat16*>(row.scales)[begin / kWarp] = scale;
    }
  }
}

// Rows are [T, 2, KVH]: keys, then values.
template <class X>
__global__ void __launch_bounds__(kWarps* kWarp) append_kernel(KvAppendCudaArgs args) {
  minimax::cuda::let_next_kernel_start();
  minimax::cuda::wait_for_kernels_ahead();
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
  if (is_quantized(cache.dtype)) {
    const KvRow to = quantized_row(cache, position, page_head, args.kv_heads, dim);
    if (cache.dtype == tensor::DType::kF8E4M3) {
      encode_fp8_row(from, to, dim);
    } else {
      encode_int4_row(from, to, dim);
    }
  } else if (cache.dtype == tensor::DType::kBF16) {
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
    minimax::cuda::launch_early("kv_cache_append", &append_kernel<X>,
                                {.blocks = minimax::cuda::blocks_for(rows, kWarps),
                                 .threads = kWarps * kWarp,
                                 .shared_bytes = 0},
                                stream, args);
  });
}

}  // namespace minimax::ops::cuda
